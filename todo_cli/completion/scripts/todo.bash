# Completion of todo for bash; in ~/.bashrc: eval "$(todo completion bash)"

_todo() {
  local todo=$1 answer line kind=
  COMPREPLY=()
  [[ $todo == '~/'* ]] && todo=$HOME/${todo:2}
  # The word can be an alias.
  type -P -- "$todo" >/dev/null 2>&1 || todo=todo
  answer=$(command "$todo" completion bash --answer "${COMP_TYPE:-9}" \
    "${COLUMNS:-80}" "$COMP_WORDBREAKS" -- "${COMP_LINE:0:COMP_POINT}" \
    </dev/null 2>/dev/null)
  while [[ -n $answer ]]; do
    line=${answer%%$'\n'*}
    answer=${answer#"$line"}
    answer=${answer#$'\n'}
    if [[ -z $kind ]]; then
      kind=$line
    else
      COMPREPLY+=("$line")
    fi
  done
  if [[ $kind == files ]]; then
    compopt -o default 2>/dev/null
  fi
  return 0
}

# Older versions, as on macOS, lack what keeps an order, and `compopt`.
complete -o nosort -F _todo todo 2>/dev/null ||
  complete -o default -F _todo todo
