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
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
