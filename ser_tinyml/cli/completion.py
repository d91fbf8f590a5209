"""Prints the completion of a shell: source it, or put it where the shell looks for completions.

bash: `source <(ser-tinyml completion bash)`, in ~/.bashrc; zsh: `source <(ser-tinyml completion zsh)`, in ~/.zshrc behind
compinit.
A command's flags are asked of its help once, at the first TAB behind it.
"""

import argparse
import shlex

from ser_tinyml.cli.arguments import new_parser, run_command

_LIST_FLAGS = r"sed -nE 's/^  (-h, )?--(\[no\])?([A-Za-z0-9_-]+).*/--\3/p'"

_BASH = r"""# Completion of ser-tinyml for bash.
declare -A _ser_tinyml_flags
_ser_tinyml() {
  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W "@NAMES@" -- "$word"))
  elif [[ $word == -* ]]; then
    [[ ${_ser_tinyml_flags[$command]} ]] ||
      _ser_tinyml_flags[$command]=$(ser-tinyml "$command" --help 2>/dev/null | @LIST@)
    COMPREPLY=($(compgen -W "${_ser_tinyml_flags[$command]}" -- "$word"))
  fi
}
complete -o default -F _ser_tinyml ser-tinyml
"""

_ZSH = r"""#compdef ser-tinyml
# Completion of ser-tinyml for zsh.
typeset -gA _ser_tinyml_flags
_ser_tinyml() {
  local -a commands=(
@DESCRIBED@
  )
  if ((CURRENT == 2)); then
    _describe command commands
  elif [[ $PREFIX == -*=* ]]; then
    compset -P '*='
    _files
  elif [[ $PREFIX == -* ]]; then
    local command=$words[2]
    [[ -n $_ser_tinyml_flags[$command] ]] ||
      _ser_tinyml_flags[$command]=$(ser-tinyml $command --help 2>/dev/null | @LIST@)
    compadd -- ${(f)_ser_tinyml_flags[$command]}
  else
    _files
  fi
}
compdef _ser_tinyml ser-tinyml
"""


def main() -> None:
    """Runs `ser-tinyml completion`."""
    parser = new_parser(__doc__)
    parser.add_argument("shell", choices=["bash", "zsh"])
    run_command(parser, _execute)


def _execute(arguments: argparse.Namespace) -> None:
    from ser_tinyml.cli import COMMANDS  # which knows this module

    described = "\n".join(f"    {shlex.quote(f'{name}:{command.help}')}" for name, command in COMMANDS.items())
    script = {"bash": _BASH, "zsh": _ZSH}[arguments.shell]
    for place, text in (("@NAMES@", " ".join(COMMANDS)), ("@DESCRIBED@", described), ("@LIST@", _LIST_FLAGS)):
        script = script.replace(place, text)
    print(script, end="")


if __name__ == "__main__":
    main()
