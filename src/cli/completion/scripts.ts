/** The shells that {@link completionScript} writes for. */
export const COMPLETION_SHELLS = ['bash', 'zsh', 'fish'] as const;

export type CompletionShell = (typeof COMPLETION_SHELLS)[number];

/**
 * The completion script of a shell for the program `name`. It knows no commands: at each press of the key it asks `NAME __complete WORD…`,
 * whose answer {@link completeLine} describes.
 */
export function completionScript(shell: CompletionShell, name: string): string {
  return { bash, zsh, fish }[shell](name);
}

// Works without the bash-completion package and with the bash 3.2 of macOS. Readline breaks words at : and = too (COMP_WORDBREAKS): they
// are joined for the program, and what stands before the last break is left out of the reply.
function bash(name: string): string {
  return `# bash completion for ${name}. Load it with: source <(${name} completion bash)
_${name}() {
  local i n=0 piece line sep cut='' add='' tab=$'\t'
  local rest=\${COMP_LINE:0:COMP_POINT} program=\${COMP_WORDS[0]}
  local -a typed=('')
  rest=\${rest#*"$program"}
  for ((i = 1; i <= COMP_CWORD; i++)); do
    piece=\${COMP_WORDS[i]}
    if [[ $rest == [[:space:]]* ]]; then n=$((n + 1)); rest=\${rest#"\${rest%%[![:space:]]*}"}; fi
    if ((i == COMP_CWORD)); then piece=$rest; fi
    typed[n]=\${typed[n]-}$piece
    rest=\${rest#"$piece"}
  done
  for sep in = :; do
    piece=\${typed[n]%"\${typed[n]##*$sep}"}
    if [[ \${COMP_WORDBREAKS-} == *$sep* && \${#piece} -gt \${#cut} ]]; then cut=$piece; fi
  done
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files) add=-f ;;
      :folders) add=-d ;;
      *) line=\${line%%"$tab"*}; COMPREPLY+=("\${line#"$cut"}") ;;
    esac
  done < <("\${program/#\\~/$HOME}" __complete "\${typed[@]:1}" 2>/dev/null)
  if [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *[=:] ]]; then compopt -o nospace 2>/dev/null; fi
  if [[ -n $add ]]; then
    # Names of files are quoted by readline; a word like host: must not be.
    if [[ \${#COMPREPLY[@]} -eq 0 ]]; then compopt -o filenames 2>/dev/null; fi
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$add" -- "\${typed[n]#"$cut"}")
  fi
}
complete -F _${name} ${name}
`;
}

// A file \`_NAME\` in a folder of $fpath, or sourced after compinit.
function zsh(name: string): string {
  return `#compdef ${name}
# zsh completion for ${name}. Load it with: source <(${name} completion zsh)
_${name}() {
  local line add=''
  local -a found open
  while IFS= read -r line; do
    case $line in
      :files) add=files ;;
      :folders) add=folders ;;
      *[=:]$'\t'*) open+=("\${\${line%%$'\t'*}//:/\\\\:}:\${line#*$'\t'}") ;;
      *) found+=("\${\${line%%$'\t'*}//:/\\\\:}:\${line#*$'\t'}") ;;
    esac
  done < <(\${~words[1]} __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#found} )) && _describe word found
  (( \${#open} )) && _describe word open -S ''
  case $add in
    files) _files ;;
    folders) _files -/ ;;
  esac
}
if [[ $funcstack[1] == _${name} ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

function fish(name: string): string {
  return `# fish completion for ${name}. Load it with: ${name} completion fish | source
function __${name}_complete
  set -l typed (commandline -opc)
  set -l word (commandline -ct)
  for line in (${name} __complete $typed[2..-1] "$word" 2>/dev/null)
    switch $line
      case :files
        __fish_complete_path "$word"
      case :folders
        __fish_complete_directories "$word"
      case '*'
        echo $line
    end
  end
end
complete -c ${name} -f -a '(__${name}_complete)'
`;
}
