/* "/" goes to the search, as in many places; the tab one is at is in sight on a narrow screen. All else is htmx. */
document.addEventListener("keydown", (event) => {
  const at = event.target;
  const writing = at instanceof HTMLElement && (at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName));
  const search = document.getElementById("q");
  if (event.key === "/" && !writing && !event.ctrlKey && !event.metaKey && !event.altKey && search) {
    event.preventDefault();
    search.focus();
    search.select();
  }
});
const tabs = document.querySelector(".tabs");
const current = tabs?.querySelector("[aria-current]");
if (current) {  /* not scrollIntoView: the Tab key would go on from there, past the beginning of the page */
  tabs.scrollLeft = current.offsetLeft - (tabs.clientWidth - current.offsetWidth) / 2;
}
