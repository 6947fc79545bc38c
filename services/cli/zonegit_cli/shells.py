"""Shell completion scripts, and the quoting of completions for each shell.

Other operators name zones, branches and tags, and a shell executes the line that a completion is
inserted into. zsh and fish quote what they insert. bash does not, so completions for bash are
quoted here, according to the quotes of the word typed so far. If that word is not known, as with a
script of an earlier release, only names that need no quotes are offered. Names with characters that
are not printable are never offered, because a terminal would interpret them.
"""

import os
import re
from typing import Final

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
)

TYPED: Final = "COMP_TYPED"
"""The environment variable with the word that is being completed, as it was typed."""

_BASH: Final = """\
%(complete_func)s() {
    local response line
    COMPREPLY=()
    response=$(
        IFS=$'\\n'
        env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD="$COMP_CWORD" \\
            COMP_TYPED="${COMP_WORDS[COMP_CWORD]}" \\
            %(complete_var)s=bash_complete "$1"
    )
    while IFS= read -r line; do
        case $line in
            dir,*) compopt -o dirnames ;;
            file,*) compopt -o default ;;
            plain,*) COMPREPLY+=("${line#*,}") ;;
        esac
    done <<<"$response"
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""
_FISH: Final = """\
function %(complete_func)s
    set -l response (env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp) \\
        COMP_CWORD=(commandline -t) %(prog_name)s)
    for completion in $response
        set -l parts (string split --max 1 -- , $completion)
        switch $parts[1]
            case dir
                __fish_complete_directories $parts[2]
            case file
                __fish_complete_path $parts[2]
            case plain
                printf '%%s\\n' $parts[2]
        end
    end
end
complete --no-files --command %(prog_name)s --arguments "(%(complete_func)s)"
"""

# Characters that bash does not interpret anywhere in a word. bash reads octets above ASCII
# according to its locale; the printable ones are letters and symbols.
_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:@%+,=-]|[^\x00-\x7f]")
_DOUBLE_QUOTED: Final = re.compile(r'([\\"$`])')
_QUOTES: Final = re.compile(r"""["'\\$`]""")


def quote_for_bash(word: str, typed: str | None) -> str | None:
    """Return a word quoted for bash; None if it cannot be inserted safely.

    Args:
        word: the completion.
        typed: the text that it completes, with its quotes; None if that is not known.
    """
    if all(_PLAIN.match(each) for each in word):
        return word
    if typed is None:
        return None
    if typed.startswith("'"):
        return word.replace("'", "'\\''") if typed.count("'") == 1 else None
    if typed.startswith('"'):
        # In double quotes ! cannot be protected from history expansion.
        has_more = _QUOTES.search(typed, 1) or "!" in word
        return None if has_more else _DOUBLE_QUOTED.sub(r"\\\1", word)
    if _is_quoted_inside(typed):
        return None
    return "".join(each if _PLAIN.match(each) else f"\\{each}" for each in word)


def _is_quoted_inside(typed: str) -> bool:
    """Return whether a quote or an expansion begins within a word."""
    without_escapes = re.sub(r"\\.", "", typed, flags=re.DOTALL)
    return bool(_QUOTES.search(without_escapes))


class _Printable(ShellComplete):
    """Completion without words that are not printable or that :meth:`quote` cannot quote."""

    def quote(self, word: str) -> str | None:
        """Return a completion quoted for the shell; None to leave it out."""
        return word

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[str]]:
        kept = []
        for item in super().get_completions(args, incomplete):
            quoted = self.quote(item.value) if item.type == "plain" else item.value
            if quoted is not None and item.value.isprintable():
                kept.append(CompletionItem(quoted, item.type, item.help))
        return kept


class QuotingBash(_Printable, BashComplete):
    """Completion for bash, which inserts words unchanged."""

    source_template = _BASH

    def quote(self, word: str) -> str | None:
        return quote_for_bash(word, os.environ.get(TYPED))


class PrintableZsh(_Printable, ZshComplete):
    """Completion for zsh, which quotes what it inserts."""


class PrintableFish(_Printable, FishComplete):
    """Completion for fish, which quotes what it inserts."""

    source_template = _FISH


def register() -> None:
    """Register these classes with click."""
    for each in (QuotingBash, PrintableZsh, PrintableFish):
        add_completion_class(each)
