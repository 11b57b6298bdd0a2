# bash completion for enxame. Load it with: source <(enxame completion bash)
_enxame() {
  local i n=0 piece line sep cut='' add='' tab=$'	'
  local rest=${COMP_LINE:0:COMP_POINT} program=${COMP_WORDS[0]}
  local -a typed=('')
  rest=${rest#*"$program"}
  for ((i = 1; i <= COMP_CWORD; i++)); do
    piece=${COMP_WORDS[i]}
    if [[ $rest == [[:space:]]* ]]; then n=$((n + 1)); rest=${rest#"${rest%%[![:space:]]*}"}; fi
    if ((i == COMP_CWORD)); then piece=$rest; fi
    typed[n]=${typed[n]-}$piece
    rest=${rest#"$piece"}
  done
  for sep in = :; do
    piece=${typed[n]%"${typed[n]##*$sep}"}
    if [[ ${COMP_WORDBREAKS-} == *$sep* && ${#piece} -gt ${#cut} ]]; then cut=$piece; fi
  done
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) add=-f ;;
      :folders) add=-d ;;
      *) line=${line%%"$tab"*}; COMPREPLY+=("${line#"$cut"}") ;;
    esac
  done < <("${program/#\~/$HOME}" __complete "${typed[@]:1}" 2>/dev/null)
  if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[=:] ]]; then compopt -o nospace 2>/dev/null; fi
  if [[ -n $add ]]; then
    # Names of files are quoted by readline; a word like host: must not be.
    if [[ ${#COMPREPLY[@]} -eq 0 ]]; then compopt -o filenames 2>/dev/null; fi
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$add" -- "${typed[n]#"$cut"}")
  fi
}
complete -F _enxame enxame
