# bash completion for enxame. Load it with: source <(enxame completion bash)
_enxame() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at:${COMP_WORDS[i]}" in
      ':-l'|':--log-level') ((i++)) ;;
      'create:--service'|'create:--tlscacert'|'create:--tlscert'|'create:--tlskey'|'create:-l'|'create:--log-level') ((i++)) ;;
      'join:--discovery-opt'|'join:--addr'|'join:--advertise'|'join:--heartbeat'|'join:--ttl'|'join:--delay'|'join:-l'|'join:--log-level') ((i++)) ;;
      'list:--discovery-opt'|'list:--timeout'|'list:-l'|'list:--log-level') ((i++)) ;;
      'manage:--discovery-opt'|'manage:-H'|'manage:--host'|'manage:--strategy'|'manage:-f'|'manage:--filter'|'manage:--cluster-opt'|'manage:--heartbeat'|'manage:--engine-refresh-min-interval'|'manage:--engine-refresh-max-interval'|'manage:--engine-failure-retry'|'manage:--engine-probe-interval'|'manage:--engine-probe-timeout'|'manage:--tlscacert'|'manage:--tlscert'|'manage:--tlskey'|'manage:--state-dir'|'manage:--discovery-service'|'manage:-l'|'manage:--log-level') ((i++)) ;;
      'discovery:-H'|'discovery:--host'|'discovery:--state-dir'|'discovery:--tlscert'|'discovery:--tlskey'|'discovery:--tlscacert'|'discovery:-l'|'discovery:--log-level') ((i++)) ;;
      'completion:-l'|'completion:--log-level') ((i++)) ;;
      'help:-l'|'help:--log-level') ((i++)) ;;
      ':create'|':c') at='create' ;;
      ':join'|':j') at='join' ;;
      ':list'|':l') at='list' ;;
      ':manage'|':m') at='manage' ;;
      ':discovery') at='discovery' ;;
      ':completion') at='completion' ;;
      ':help') at='help' ;;
    esac
  done
  case "$at:$prev" in
    ':-l'|':--log-level') COMPREPLY=($(compgen -W 'silent error warn info debug trace' -- "$cur")); return ;;
    'create:--service')  return ;;
    'create:--tlscacert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'create:--tlscert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'create:--tlskey') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'create:-l'|'create:--log-level') COMPREPLY=($(compgen -W 'silent error warn info debug trace' -- "$cur")); return ;;
    'join:--discovery-opt')  return ;;
    'join:--addr'|'join:--advertise')  return ;;
    'join:--heartbeat')  return ;;
    'join:--ttl')  return ;;
    'join:--delay')  return ;;
    'join:-l'|'join:--log-level') COMPREPLY=($(compgen -W 'silent error warn info debug trace' -- "$cur")); return ;;
    'list:--discovery-opt')  return ;;
    'list:--timeout')  return ;;
    'list:-l'|'list:--log-level') COMPREPLY=($(compgen -W 'silent error warn info debug trace' -- "$cur")); return ;;
    'manage:--discovery-opt')  return ;;
    'manage:-H'|'manage:--host')  return ;;
    'manage:--strategy') COMPREPLY=($(compgen -W 'spread binpack random' -- "$cur")); return ;;
    'manage:-f'|'manage:--filter') COMPREPLY=($(compgen -W 'health port containerslots dependency affinity constraint whitelist' -- "$cur")); return ;;
    'manage:--cluster-opt')  return ;;
    'manage:--heartbeat')  return ;;
    'manage:--engine-refresh-min-interval')  return ;;
    'manage:--engine-refresh-max-interval')  return ;;
    'manage:--engine-failure-retry')  return ;;
    'manage:--engine-probe-interval')  return ;;
    'manage:--engine-probe-timeout')  return ;;
    'manage:--tlscacert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'manage:--tlscert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'manage:--tlskey') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'manage:--state-dir') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'manage:--discovery-service')  return ;;
    'manage:-l'|'manage:--log-level') COMPREPLY=($(compgen -W 'silent error warn info debug trace' -- "$cur")); return ;;
    'discovery:-H'|'discovery:--host')  return ;;
    'discovery:--state-dir') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'discovery:--tlscert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'discovery:--tlskey') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'discovery:--tlscacert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'discovery:-l'|'discovery:--log-level') COMPREPLY=($(compgen -W 'silent error warn info debug trace' -- "$cur")); return ;;
    'completion:-l'|'completion:--log-level') COMPREPLY=($(compgen -W 'silent error warn info debug trace' -- "$cur")); return ;;
    'help:-l'|'help:--log-level') COMPREPLY=($(compgen -W 'silent error warn info debug trace' -- "$cur")); return ;;
  esac
  case "$at" in
    '')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-v --version --debug -l --log-level -h --help' -- "$cur")); else COMPREPLY=($(compgen -W 'create join list manage discovery completion help' -- "$cur")); fi ;;
    'create')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--service --tlscacert --tlscert --tlskey -h --help --debug -l --log-level' -- "$cur")); else :; fi ;;
    'join')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--discovery-opt --addr --advertise --heartbeat --ttl --delay -h --help --debug -l --log-level' -- "$cur")); else :; fi ;;
    'list')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--discovery-opt --timeout -h --help --debug -l --log-level' -- "$cur")); else :; fi ;;
    'manage')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--discovery-opt -H --host --strategy -f --filter --cluster-opt --heartbeat --engine-refresh-min-interval --engine-refresh-max-interval --engine-failure-retry --engine-probe-interval --engine-probe-timeout --tls --tlsverify --tlscacert --tlscert --tlskey --insecure --state-dir --discovery-service --adopt-swarm -h --help --debug -l --log-level' -- "$cur")); else :; fi ;;
    'discovery')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-H --host --state-dir --tlscert --tlskey --tlscacert --insecure -h --help --debug -l --log-level' -- "$cur")); else :; fi ;;
    'completion')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help --debug -l --log-level' -- "$cur")); else COMPREPLY=($(compgen -W 'bash zsh fish' -- "$cur")); fi ;;
    'help')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--debug -l --log-level' -- "$cur")); else :; fi ;;
  esac
}
complete -F _enxame enxame
