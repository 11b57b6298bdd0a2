# bash completion for enxame. Load it with: source <(enxame completion bash)
_enxame() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at='' i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at:${COMP_WORDS[i]}" in
      ':-l'|':--log-level'|':--log-format') ((i++)) ;;
      'create:--service'|'create:--tlscacert'|'create:--tlscert'|'create:--tlskey'|'create:-l'|'create:--log-level'|'create:--log-format') ((i++)) ;;
      'join:--discovery-opt'|'join:--addr'|'join:--advertise'|'join:--heartbeat'|'join:--ttl'|'join:--delay'|'join:-l'|'join:--log-level'|'join:--log-format') ((i++)) ;;
      'list:--discovery-opt'|'list:--timeout'|'list:-l'|'list:--log-level'|'list:--log-format') ((i++)) ;;
      'manage:--discovery-opt'|'manage:-H'|'manage:--host'|'manage:--strategy'|'manage:-f'|'manage:--filter'|'manage:--cluster-opt'|'manage:--heartbeat'|'manage:--engine-refresh-min-interval'|'manage:--engine-refresh-max-interval'|'manage:--engine-failure-retry'|'manage:--engine-probe-interval'|'manage:--engine-probe-timeout'|'manage:--tlscacert'|'manage:--tlscert'|'manage:--tlskey'|'manage:--allow-host'|'manage:--state-dir'|'manage:--cluster'|'manage:--discovery-service'|'manage:--addr'|'manage:--advertise'|'manage:-c'|'manage:--cluster-driver'|'manage:--container-name-refresh-filter'|'manage:-l'|'manage:--log-level'|'manage:--log-format') ((i++)) ;;
      'discovery:-H'|'discovery:--host'|'discovery:--state-dir'|'discovery:--tlscert'|'discovery:--tlskey'|'discovery:--tlscacert'|'discovery:-l'|'discovery:--log-level'|'discovery:--log-format') ((i++)) ;;
      'leave:--discovery-opt'|'leave:--tlscacert'|'leave:--tlscert'|'leave:--tlskey'|'leave:--cluster'|'leave:--state-dir'|'leave:-l'|'leave:--log-level'|'leave:--log-format') ((i++)) ;;
      'certs:-l'|'certs:--log-level'|'certs:--log-format') ((i++)) ;;
      'certs ca:-d'|'certs ca:--dir'|'certs ca:--name'|'certs ca:-l'|'certs ca:--log-level'|'certs ca:--log-format') ((i++)) ;;
      'certs server:-d'|'certs server:--dir'|'certs server:--days'|'certs server:-l'|'certs server:--log-level'|'certs server:--log-format') ((i++)) ;;
      'certs client:-d'|'certs client:--dir'|'certs client:--days'|'certs client:-l'|'certs client:--log-level'|'certs client:--log-format') ((i++)) ;;
      'certs list:-d'|'certs list:--dir'|'certs list:--format'|'certs list:-l'|'certs list:--log-level'|'certs list:--log-format') ((i++)) ;;
      'certs help:-l'|'certs help:--log-level'|'certs help:--log-format') ((i++)) ;;
      'machine:-s'|'machine:--storage-path'|'machine:--tls-ca-cert'|'machine:--tls-ca-key'|'machine:--tls-client-cert'|'machine:--tls-client-key'|'machine:-l'|'machine:--log-level'|'machine:--log-format') ((i++)) ;;
      'machine create:-d'|'machine create:--driver'|'machine create:--engine-install-url'|'machine create:--engine-opt'|'machine create:--engine-insecure-registry'|'machine create:--engine-registry-mirror'|'machine create:--engine-label'|'machine create:--engine-storage-driver'|'machine create:--engine-env'|'machine create:--tls-san'|'machine create:--swarm-discovery'|'machine create:--swarm-discovery-opt'|'machine create:--swarm-strategy'|'machine create:--swarm-opt'|'machine create:--swarm-join-opt'|'machine create:--swarm-host'|'machine create:--swarm-addr'|'machine create:--swarm-image'|'machine create:-s'|'machine create:--storage-path'|'machine create:--tls-ca-cert'|'machine create:--tls-ca-key'|'machine create:--tls-client-cert'|'machine create:--tls-client-key'|'machine create:-l'|'machine create:--log-level'|'machine create:--log-format') ((i++)) ;;
      'machine ls:--filter'|'machine ls:-f'|'machine ls:--format'|'machine ls:-t'|'machine ls:--timeout'|'machine ls:-s'|'machine ls:--storage-path'|'machine ls:--tls-ca-cert'|'machine ls:--tls-ca-key'|'machine ls:--tls-client-cert'|'machine ls:--tls-client-key'|'machine ls:-l'|'machine ls:--log-level'|'machine ls:--log-format') ((i++)) ;;
      'machine active:-t'|'machine active:--timeout'|'machine active:-s'|'machine active:--storage-path'|'machine active:--tls-ca-cert'|'machine active:--tls-ca-key'|'machine active:--tls-client-cert'|'machine active:--tls-client-key'|'machine active:-l'|'machine active:--log-level'|'machine active:--log-format') ((i++)) ;;
      'machine env:--shell'|'machine env:-s'|'machine env:--storage-path'|'machine env:--tls-ca-cert'|'machine env:--tls-ca-key'|'machine env:--tls-client-cert'|'machine env:--tls-client-key'|'machine env:-l'|'machine env:--log-level'|'machine env:--log-format') ((i++)) ;;
      'machine config:-s'|'machine config:--storage-path'|'machine config:--tls-ca-cert'|'machine config:--tls-ca-key'|'machine config:--tls-client-cert'|'machine config:--tls-client-key'|'machine config:-l'|'machine config:--log-level'|'machine config:--log-format') ((i++)) ;;
      'machine ip:-s'|'machine ip:--storage-path'|'machine ip:--tls-ca-cert'|'machine ip:--tls-ca-key'|'machine ip:--tls-client-cert'|'machine ip:--tls-client-key'|'machine ip:-l'|'machine ip:--log-level'|'machine ip:--log-format') ((i++)) ;;
      'machine url:-s'|'machine url:--storage-path'|'machine url:--tls-ca-cert'|'machine url:--tls-ca-key'|'machine url:--tls-client-cert'|'machine url:--tls-client-key'|'machine url:-l'|'machine url:--log-level'|'machine url:--log-format') ((i++)) ;;
      'machine status:-s'|'machine status:--storage-path'|'machine status:--tls-ca-cert'|'machine status:--tls-ca-key'|'machine status:--tls-client-cert'|'machine status:--tls-client-key'|'machine status:-l'|'machine status:--log-level'|'machine status:--log-format') ((i++)) ;;
      'machine inspect:-f'|'machine inspect:--format'|'machine inspect:-s'|'machine inspect:--storage-path'|'machine inspect:--tls-ca-cert'|'machine inspect:--tls-ca-key'|'machine inspect:--tls-client-cert'|'machine inspect:--tls-client-key'|'machine inspect:-l'|'machine inspect:--log-level'|'machine inspect:--log-format') ((i++)) ;;
      'machine version:-s'|'machine version:--storage-path'|'machine version:--tls-ca-cert'|'machine version:--tls-ca-key'|'machine version:--tls-client-cert'|'machine version:--tls-client-key'|'machine version:-l'|'machine version:--log-level'|'machine version:--log-format') ((i++)) ;;
      'machine host-address:-d'|'machine host-address:--driver'|'machine host-address:-s'|'machine host-address:--storage-path'|'machine host-address:--tls-ca-cert'|'machine host-address:--tls-ca-key'|'machine host-address:--tls-client-cert'|'machine host-address:--tls-client-key'|'machine host-address:-l'|'machine host-address:--log-level'|'machine host-address:--log-format') ((i++)) ;;
      'machine drivers:-s'|'machine drivers:--storage-path'|'machine drivers:--tls-ca-cert'|'machine drivers:--tls-ca-key'|'machine drivers:--tls-client-cert'|'machine drivers:--tls-client-key'|'machine drivers:-l'|'machine drivers:--log-level'|'machine drivers:--log-format') ((i++)) ;;
      'machine start:-s'|'machine start:--storage-path'|'machine start:--tls-ca-cert'|'machine start:--tls-ca-key'|'machine start:--tls-client-cert'|'machine start:--tls-client-key'|'machine start:-l'|'machine start:--log-level'|'machine start:--log-format') ((i++)) ;;
      'machine stop:-s'|'machine stop:--storage-path'|'machine stop:--tls-ca-cert'|'machine stop:--tls-ca-key'|'machine stop:--tls-client-cert'|'machine stop:--tls-client-key'|'machine stop:-l'|'machine stop:--log-level'|'machine stop:--log-format') ((i++)) ;;
      'machine restart:-s'|'machine restart:--storage-path'|'machine restart:--tls-ca-cert'|'machine restart:--tls-ca-key'|'machine restart:--tls-client-cert'|'machine restart:--tls-client-key'|'machine restart:-l'|'machine restart:--log-level'|'machine restart:--log-format') ((i++)) ;;
      'machine kill:-s'|'machine kill:--storage-path'|'machine kill:--tls-ca-cert'|'machine kill:--tls-ca-key'|'machine kill:--tls-client-cert'|'machine kill:--tls-client-key'|'machine kill:-l'|'machine kill:--log-level'|'machine kill:--log-format') ((i++)) ;;
      'machine upgrade:-s'|'machine upgrade:--storage-path'|'machine upgrade:--tls-ca-cert'|'machine upgrade:--tls-ca-key'|'machine upgrade:--tls-client-cert'|'machine upgrade:--tls-client-key'|'machine upgrade:-l'|'machine upgrade:--log-level'|'machine upgrade:--log-format') ((i++)) ;;
      'machine provision:-s'|'machine provision:--storage-path'|'machine provision:--tls-ca-cert'|'machine provision:--tls-ca-key'|'machine provision:--tls-client-cert'|'machine provision:--tls-client-key'|'machine provision:-l'|'machine provision:--log-level'|'machine provision:--log-format') ((i++)) ;;
      'machine regenerate-certs:--address'|'machine regenerate-certs:-s'|'machine regenerate-certs:--storage-path'|'machine regenerate-certs:--tls-ca-cert'|'machine regenerate-certs:--tls-ca-key'|'machine regenerate-certs:--tls-client-cert'|'machine regenerate-certs:--tls-client-key'|'machine regenerate-certs:-l'|'machine regenerate-certs:--log-level'|'machine regenerate-certs:--log-format') ((i++)) ;;
      'machine rm:-s'|'machine rm:--storage-path'|'machine rm:--tls-ca-cert'|'machine rm:--tls-ca-key'|'machine rm:--tls-client-cert'|'machine rm:--tls-client-key'|'machine rm:-l'|'machine rm:--log-level'|'machine rm:--log-format') ((i++)) ;;
      'machine ssh:-s'|'machine ssh:--storage-path'|'machine ssh:--tls-ca-cert'|'machine ssh:--tls-ca-key'|'machine ssh:--tls-client-cert'|'machine ssh:--tls-client-key'|'machine ssh:-l'|'machine ssh:--log-level'|'machine ssh:--log-format') ((i++)) ;;
      'machine scp:-s'|'machine scp:--storage-path'|'machine scp:--tls-ca-cert'|'machine scp:--tls-ca-key'|'machine scp:--tls-client-cert'|'machine scp:--tls-client-key'|'machine scp:-l'|'machine scp:--log-level'|'machine scp:--log-format') ((i++)) ;;
      'machine mount:-s'|'machine mount:--storage-path'|'machine mount:--tls-ca-cert'|'machine mount:--tls-ca-key'|'machine mount:--tls-client-cert'|'machine mount:--tls-client-key'|'machine mount:-l'|'machine mount:--log-level'|'machine mount:--log-format') ((i++)) ;;
      'machine export:-o'|'machine export:--output'|'machine export:--for'|'machine export:--passphrase-file'|'machine export:-s'|'machine export:--storage-path'|'machine export:--tls-ca-cert'|'machine export:--tls-ca-key'|'machine export:--tls-client-cert'|'machine export:--tls-client-key'|'machine export:-l'|'machine export:--log-level'|'machine export:--log-format') ((i++)) ;;
      'machine import:--docker-machine'|'machine import:--passphrase-file'|'machine import:-s'|'machine import:--storage-path'|'machine import:--tls-ca-cert'|'machine import:--tls-ca-key'|'machine import:--tls-client-cert'|'machine import:--tls-client-key'|'machine import:-l'|'machine import:--log-level'|'machine import:--log-format') ((i++)) ;;
      'machine context:--name'|'machine context:-s'|'machine context:--storage-path'|'machine context:--tls-ca-cert'|'machine context:--tls-ca-key'|'machine context:--tls-client-cert'|'machine context:--tls-client-key'|'machine context:-l'|'machine context:--log-level'|'machine context:--log-format') ((i++)) ;;
      'machine up:-f'|'machine up:--file'|'machine up:-s'|'machine up:--storage-path'|'machine up:--tls-ca-cert'|'machine up:--tls-ca-key'|'machine up:--tls-client-cert'|'machine up:--tls-client-key'|'machine up:-l'|'machine up:--log-level'|'machine up:--log-format') ((i++)) ;;
      'machine down:-f'|'machine down:--file'|'machine down:-s'|'machine down:--storage-path'|'machine down:--tls-ca-cert'|'machine down:--tls-ca-key'|'machine down:--tls-client-cert'|'machine down:--tls-client-key'|'machine down:-l'|'machine down:--log-level'|'machine down:--log-format') ((i++)) ;;
      'machine help:-s'|'machine help:--storage-path'|'machine help:--tls-ca-cert'|'machine help:--tls-ca-key'|'machine help:--tls-client-cert'|'machine help:--tls-client-key'|'machine help:-l'|'machine help:--log-level'|'machine help:--log-format') ((i++)) ;;
      'ps:-H'|'ps:--host'|'ps:--context'|'ps:--tlscacert'|'ps:--tlscert'|'ps:--tlskey'|'ps:-f'|'ps:--filter'|'ps:--format'|'ps:-l'|'ps:--log-level'|'ps:--log-format') ((i++)) ;;
      'nodes:-H'|'nodes:--host'|'nodes:--context'|'nodes:--tlscacert'|'nodes:--tlscert'|'nodes:--tlskey'|'nodes:--format'|'nodes:-l'|'nodes:--log-level'|'nodes:--log-format') ((i++)) ;;
      'forget:-H'|'forget:--host'|'forget:--context'|'forget:--tlscacert'|'forget:--tlscert'|'forget:--tlskey'|'forget:-l'|'forget:--log-level'|'forget:--log-format') ((i++)) ;;
      'info:-H'|'info:--host'|'info:--context'|'info:--tlscacert'|'info:--tlscert'|'info:--tlskey'|'info:--format'|'info:-l'|'info:--log-level'|'info:--log-format') ((i++)) ;;
      'completion:-l'|'completion:--log-level'|'completion:--log-format') ((i++)) ;;
      'help:-l'|'help:--log-level'|'help:--log-format') ((i++)) ;;
      ':create'|':c') at='create' ;;
      ':join'|':j') at='join' ;;
      ':list'|':l') at='list' ;;
      ':manage'|':m') at='manage' ;;
      ':discovery') at='discovery' ;;
      ':leave') at='leave' ;;
      ':certs') at='certs' ;;
      ':machine') at='machine' ;;
      ':ps') at='ps' ;;
      ':nodes') at='nodes' ;;
      ':forget') at='forget' ;;
      ':info') at='info' ;;
      ':completion') at='completion' ;;
      ':help') at='help' ;;
      'certs:ca') at='certs ca' ;;
      'certs:server') at='certs server' ;;
      'certs:client') at='certs client' ;;
      'certs:list'|'certs:ls') at='certs list' ;;
      'certs:help') at='certs help' ;;
      'machine:create') at='machine create' ;;
      'machine:ls'|'machine:list') at='machine ls' ;;
      'machine:active') at='machine active' ;;
      'machine:env') at='machine env' ;;
      'machine:config') at='machine config' ;;
      'machine:ip') at='machine ip' ;;
      'machine:url') at='machine url' ;;
      'machine:status') at='machine status' ;;
      'machine:inspect') at='machine inspect' ;;
      'machine:version') at='machine version' ;;
      'machine:host-address') at='machine host-address' ;;
      'machine:drivers') at='machine drivers' ;;
      'machine:start') at='machine start' ;;
      'machine:stop') at='machine stop' ;;
      'machine:restart') at='machine restart' ;;
      'machine:kill') at='machine kill' ;;
      'machine:upgrade') at='machine upgrade' ;;
      'machine:provision') at='machine provision' ;;
      'machine:regenerate-certs') at='machine regenerate-certs' ;;
      'machine:rm') at='machine rm' ;;
      'machine:ssh') at='machine ssh' ;;
      'machine:scp') at='machine scp' ;;
      'machine:mount') at='machine mount' ;;
      'machine:export') at='machine export' ;;
      'machine:import') at='machine import' ;;
      'machine:context') at='machine context' ;;
      'machine:up') at='machine up' ;;
      'machine:down') at='machine down' ;;
      'machine:help') at='machine help' ;;
    esac
  done
  case "$at:$prev" in
    ':-l'|':--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    ':--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'create:--service')  return ;;
    'create:--tlscacert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'create:--tlscert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'create:--tlskey') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'create:-l'|'create:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'create:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'join:--discovery-opt')  return ;;
    'join:--addr'|'join:--advertise')  return ;;
    'join:--heartbeat')  return ;;
    'join:--ttl')  return ;;
    'join:--delay')  return ;;
    'join:-l'|'join:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'join:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'list:--discovery-opt')  return ;;
    'list:--timeout')  return ;;
    'list:-l'|'list:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'list:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
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
    'manage:--allow-host')  return ;;
    'manage:--state-dir') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'manage:--cluster')  return ;;
    'manage:--discovery-service')  return ;;
    'manage:--addr'|'manage:--advertise')  return ;;
    'manage:-c'|'manage:--cluster-driver')  return ;;
    'manage:--container-name-refresh-filter')  return ;;
    'manage:-l'|'manage:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'manage:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'discovery:-H'|'discovery:--host')  return ;;
    'discovery:--state-dir') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'discovery:--tlscert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'discovery:--tlskey') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'discovery:--tlscacert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'discovery:-l'|'discovery:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'discovery:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'leave:--discovery-opt')  return ;;
    'leave:--tlscacert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'leave:--tlscert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'leave:--tlskey') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'leave:--cluster')  return ;;
    'leave:--state-dir') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'leave:-l'|'leave:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'leave:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'certs:-l'|'certs:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'certs:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'certs ca:-d'|'certs ca:--dir') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'certs ca:--name')  return ;;
    'certs ca:-l'|'certs ca:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'certs ca:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'certs server:-d'|'certs server:--dir') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'certs server:--days')  return ;;
    'certs server:-l'|'certs server:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'certs server:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'certs client:-d'|'certs client:--dir') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'certs client:--days')  return ;;
    'certs client:-l'|'certs client:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'certs client:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'certs list:-d'|'certs list:--dir') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'certs list:--format')  return ;;
    'certs list:-l'|'certs list:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'certs list:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'certs help:-l'|'certs help:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'certs help:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine:-s'|'machine:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine:-l'|'machine:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine create:-d'|'machine create:--driver')  return ;;
    'machine create:--engine-install-url')  return ;;
    'machine create:--engine-opt')  return ;;
    'machine create:--engine-insecure-registry')  return ;;
    'machine create:--engine-registry-mirror')  return ;;
    'machine create:--engine-label')  return ;;
    'machine create:--engine-storage-driver')  return ;;
    'machine create:--engine-env')  return ;;
    'machine create:--tls-san')  return ;;
    'machine create:--swarm-discovery')  return ;;
    'machine create:--swarm-discovery-opt')  return ;;
    'machine create:--swarm-strategy')  return ;;
    'machine create:--swarm-opt')  return ;;
    'machine create:--swarm-join-opt')  return ;;
    'machine create:--swarm-host')  return ;;
    'machine create:--swarm-addr')  return ;;
    'machine create:--swarm-image')  return ;;
    'machine create:-s'|'machine create:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine create:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine create:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine create:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine create:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine create:-l'|'machine create:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine create:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine ls:--filter')  return ;;
    'machine ls:-f'|'machine ls:--format')  return ;;
    'machine ls:-t'|'machine ls:--timeout')  return ;;
    'machine ls:-s'|'machine ls:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine ls:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine ls:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine ls:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine ls:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine ls:-l'|'machine ls:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine ls:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine active:-t'|'machine active:--timeout')  return ;;
    'machine active:-s'|'machine active:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine active:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine active:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine active:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine active:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine active:-l'|'machine active:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine active:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine env:--shell')  return ;;
    'machine env:-s'|'machine env:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine env:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine env:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine env:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine env:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine env:-l'|'machine env:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine env:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine config:-s'|'machine config:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine config:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine config:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine config:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine config:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine config:-l'|'machine config:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine config:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine ip:-s'|'machine ip:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine ip:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine ip:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine ip:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine ip:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine ip:-l'|'machine ip:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine ip:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine url:-s'|'machine url:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine url:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine url:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine url:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine url:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine url:-l'|'machine url:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine url:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine status:-s'|'machine status:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine status:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine status:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine status:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine status:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine status:-l'|'machine status:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine status:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine inspect:-f'|'machine inspect:--format')  return ;;
    'machine inspect:-s'|'machine inspect:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine inspect:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine inspect:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine inspect:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine inspect:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine inspect:-l'|'machine inspect:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine inspect:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine version:-s'|'machine version:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine version:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine version:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine version:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine version:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine version:-l'|'machine version:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine version:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine host-address:-d'|'machine host-address:--driver')  return ;;
    'machine host-address:-s'|'machine host-address:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine host-address:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine host-address:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine host-address:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine host-address:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine host-address:-l'|'machine host-address:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine host-address:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine drivers:-s'|'machine drivers:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine drivers:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine drivers:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine drivers:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine drivers:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine drivers:-l'|'machine drivers:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine drivers:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine start:-s'|'machine start:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine start:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine start:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine start:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine start:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine start:-l'|'machine start:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine start:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine stop:-s'|'machine stop:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine stop:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine stop:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine stop:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine stop:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine stop:-l'|'machine stop:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine stop:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine restart:-s'|'machine restart:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine restart:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine restart:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine restart:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine restart:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine restart:-l'|'machine restart:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine restart:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine kill:-s'|'machine kill:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine kill:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine kill:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine kill:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine kill:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine kill:-l'|'machine kill:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine kill:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine upgrade:-s'|'machine upgrade:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine upgrade:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine upgrade:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine upgrade:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine upgrade:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine upgrade:-l'|'machine upgrade:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine upgrade:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine provision:-s'|'machine provision:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine provision:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine provision:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine provision:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine provision:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine provision:-l'|'machine provision:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine provision:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine regenerate-certs:--address')  return ;;
    'machine regenerate-certs:-s'|'machine regenerate-certs:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine regenerate-certs:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine regenerate-certs:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine regenerate-certs:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine regenerate-certs:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine regenerate-certs:-l'|'machine regenerate-certs:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine regenerate-certs:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine rm:-s'|'machine rm:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine rm:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine rm:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine rm:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine rm:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine rm:-l'|'machine rm:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine rm:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine ssh:-s'|'machine ssh:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine ssh:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine ssh:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine ssh:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine ssh:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine ssh:-l'|'machine ssh:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine ssh:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine scp:-s'|'machine scp:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine scp:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine scp:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine scp:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine scp:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine scp:-l'|'machine scp:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine scp:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine mount:-s'|'machine mount:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine mount:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine mount:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine mount:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine mount:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine mount:-l'|'machine mount:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine mount:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine export:-o'|'machine export:--output') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine export:--for')  return ;;
    'machine export:--passphrase-file') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine export:-s'|'machine export:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine export:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine export:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine export:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine export:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine export:-l'|'machine export:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine export:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine import:--docker-machine')  return ;;
    'machine import:--passphrase-file') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine import:-s'|'machine import:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine import:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine import:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine import:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine import:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine import:-l'|'machine import:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine import:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine context:--name')  return ;;
    'machine context:-s'|'machine context:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine context:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine context:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine context:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine context:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine context:-l'|'machine context:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine context:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine up:-f'|'machine up:--file') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine up:-s'|'machine up:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine up:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine up:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine up:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine up:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine up:-l'|'machine up:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine up:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine down:-f'|'machine down:--file') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine down:-s'|'machine down:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine down:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine down:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine down:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine down:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine down:-l'|'machine down:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine down:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'machine help:-s'|'machine help:--storage-path') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -d -- "$cur")); return ;;
    'machine help:--tls-ca-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine help:--tls-ca-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine help:--tls-client-cert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine help:--tls-client-key') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'machine help:-l'|'machine help:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'machine help:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'ps:-H'|'ps:--host')  return ;;
    'ps:--context')  return ;;
    'ps:--tlscacert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'ps:--tlscert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'ps:--tlskey') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'ps:-f'|'ps:--filter')  return ;;
    'ps:--format')  return ;;
    'ps:-l'|'ps:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'ps:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'nodes:-H'|'nodes:--host')  return ;;
    'nodes:--context')  return ;;
    'nodes:--tlscacert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'nodes:--tlscert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'nodes:--tlskey') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'nodes:--format')  return ;;
    'nodes:-l'|'nodes:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'nodes:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'forget:-H'|'forget:--host')  return ;;
    'forget:--context')  return ;;
    'forget:--tlscacert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'forget:--tlscert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'forget:--tlskey') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'forget:-l'|'forget:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'forget:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'info:-H'|'info:--host')  return ;;
    'info:--context')  return ;;
    'info:--tlscacert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'info:--tlscert') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'info:--tlskey') compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); return ;;
    'info:--format')  return ;;
    'info:-l'|'info:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'info:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'completion:-l'|'completion:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'completion:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
    'help:-l'|'help:--log-level') COMPREPLY=($(compgen -W 'silent fatal error warn info debug trace panic warning' -- "$cur")); return ;;
    'help:--log-format') COMPREPLY=($(compgen -W 'auto text json' -- "$cur")); return ;;
  esac
  case "$at" in
    '')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-v --version --debug -l --log-level --log-format -h --help' -- "$cur")); else COMPREPLY=($(compgen -W 'create join list manage discovery leave certs machine ps nodes forget info completion help' -- "$cur")); fi ;;
    'create')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--service --tlscacert --tlscert --tlskey -h --help --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'join')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--discovery-opt --addr --advertise --heartbeat --ttl --delay -h --help --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'list')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--discovery-opt --timeout -h --help --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'manage')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--discovery-opt -H --host --strategy -f --filter --cluster-opt --heartbeat --engine-refresh-min-interval --engine-refresh-max-interval --engine-failure-retry --engine-probe-interval --engine-probe-timeout --tls --tlsverify --tlscacert --tlscert --tlskey --allow-host --insecure --state-dir --cluster --discovery-service --adopt-swarm --print-unit --addr --advertise -c --cluster-driver --refresh-on-node-filter --container-name-refresh-filter -h --help --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'discovery')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-H --host --state-dir --tlscert --tlskey --tlscacert --insecure -h --help --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'leave')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--discovery-opt --tls --tlsverify --tlscacert --tlscert --tlskey --cluster --state-dir -y --yes -f --force -h --help --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'certs')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help --debug -l --log-level --log-format' -- "$cur")); else COMPREPLY=($(compgen -W 'ca server client list help' -- "$cur")); fi ;;
    'certs ca')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-d --dir --name --renew -h --help --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'certs server')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-d --dir --days --renew --manager -h --help --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'certs client')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-d --dir --days --renew -h --help --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'certs list')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-d --dir --format --json -h --help --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'certs help')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh -h --help --debug -l --log-level --log-format' -- "$cur")); else COMPREPLY=($(compgen -W 'create ls active env config ip url status inspect version host-address drivers start stop restart kill upgrade provision regenerate-certs rm ssh scp mount export import context up down help' -- "$cur")); fi ;;
    'machine create')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help -d --driver --engine-install-url --engine-opt --engine-insecure-registry --engine-registry-mirror --engine-label --engine-storage-driver --engine-env --tls-san --swarm --swarm-master --swarm-discovery --swarm-discovery-opt --swarm-strategy --swarm-opt --swarm-join-opt --swarm-host --swarm-addr --swarm-image --save-credentials --dry-run -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine ls')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-q --quiet --filter -f --format -t --timeout --json -h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine active')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-t --timeout -h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine env')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--swarm --shell -u --unset --no-proxy -h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine config')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--swarm -h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine ip')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine url')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine status')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine inspect')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-f --format --json -h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine version')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine host-address')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-d --driver -h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine drivers')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine start')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine stop')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine restart')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine kill')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine upgrade')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine provision')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine regenerate-certs')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-f --force --address --client-certs -h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine rm')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-f --force -y -h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine ssh')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine scp')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-r --recursive -d --delta -q --quiet -h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine mount')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-u --unmount -h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine export')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-o --output --all --for --with-authority --passphrase-file -h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine import')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--docker-machine --passphrase-file -h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else compopt -o filenames 2>/dev/null; local IFS=$'\n'; COMPREPLY=($(compgen -f -- "$cur")); fi ;;
    'machine context')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--swarm --name -h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine up')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-f --file -y --yes --dry-run --replace -h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine down')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-f --file -y --yes --dry-run -h --help -s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'machine help')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-s --storage-path --tls-ca-cert --tls-ca-key --tls-client-cert --tls-client-key --native-ssh --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'ps')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-H --host --context --tls --tlsverify --tlscacert --tlscert --tlskey -a --all -f --filter -q --quiet --no-trunc --format --json -h --help --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'nodes')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-H --host --context --tls --tlsverify --tlscacert --tlscert --tlskey -q --quiet --format --json -h --help --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'forget')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-H --host --context --tls --tlsverify --tlscacert --tlscert --tlskey -h --help --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'info')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-H --host --context --tls --tlsverify --tlscacert --tlscert --tlskey --format --json -h --help --debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
    'completion')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '-h --help --debug -l --log-level --log-format' -- "$cur")); else COMPREPLY=($(compgen -W 'bash zsh fish' -- "$cur")); fi ;;
    'help')
      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '--debug -l --log-level --log-format' -- "$cur")); else :; fi ;;
  esac
}
complete -F _enxame enxame
