"""Completion: what a shell needs in order to complete our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from cli.output import as_json, show


@click.command("completion", epilog="Example: skillstore completion bash")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
@as_json
def completion(ctx: click.Context, shell: str, as_json: bool) -> None:
    """Print the script that completes commands in a shell.

    \b
    bash   eval "$(skillstore completion bash)"       in ~/.bashrc
    zsh    eval "$(skillstore completion zsh)"        in ~/.zshrc
    fish   skillstore completion fish | source        in ~/.config/fish/config.fish
    """
    maker = get_completion_class(shell)
    if maker is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    script = maker(ctx.find_root().command, {}, "skillstore", "_SKILLSTORE_COMPLETE").source()
    show({"shell": shell, "script": script}, script, as_json)
