"""Tab completion in bash: a script made of the help texts, so that no option is written twice.

eval "$(oran-env --print-completion)"
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

OPTION = re.compile(r"(?<![\w-])--[a-z][\w.-]*\w")
_CHOICES = re.compile(rf"({OPTION.pattern}) \{{([\w,.-]+)\}}")


def bash_script(program: str, helps: Mapping[str, str], values: Mapping[str, Iterable[str]] | None = None) -> str:
    """What bash is to source: it completes a command, its options, values of options, and files elsewhere.

    Args:
        program: its name in the shell.
        helps: the help text of each command, which names its options, and after them ``{a,b}`` where it has choices.
        values: more of these, of an option in any command.
    """
    function = "_" + re.sub(r"\W", "_", program)
    after, options = [], []
    for command, text in helps.items():
        found = dict.fromkeys(OPTION.findall(text))
        options.append(f"    {command}) words='{' '.join(found)}' ;;")
        choices = {option: names.split(",") for option, names in _CHOICES.findall(text)} | dict(values or {})
        parts = re.findall(rf"^  {program} {command} ([a-z]+) ", text, re.MULTILINE)
        for before, names in [(command, parts), *((option, choices.get(option, ())) for option in found)]:
            words = " ".join(name for name in names if name != "None")
            after += [f"    {command},{before}) words='{words}' ;;"] if words else []
    lines = (
        f"{function}() {{",
        "  local word words= command=${COMP_WORDS[1]} current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[1]}",
        '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do [[ $word == --* ]] && before=$word; done',
        f"  if [[ $COMP_CWORD == 1 ]]; then words='{' '.join(helps)} --help --version'",
        "  elif [[ $current == -* ]]; then case $command in",
        *options,
        "  esac; else case $command,$before in",
        *after,
        "  esac; fi",
        '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
        "}",
        f"complete -o default -F {function} {program}",
    )
    return "\n".join(lines)
