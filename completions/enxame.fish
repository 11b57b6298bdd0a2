# fish completion for enxame. Load it with: enxame completion fish | source
function __enxame_complete
  set -l typed (commandline -opc)
  set -l word (commandline -ct)
  for line in (enxame __complete $typed[2..-1] "$word" 2>/dev/null)
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
complete -c enxame -f -a '(__enxame_complete)'
