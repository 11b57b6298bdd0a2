import { describe, expect, test } from 'vitest';
import { isSecret, shownCommand, shownEnv, shownLabels, shownText } from './secrets.ts';

describe('what looks like a secret', () => {
  test.each([
    ['DB_PASSWORD', 'x'],
    ['MYSQL_PWD', 'x'],
    ['PGPASSWORD', 'x'],
    ['MYPASSWD', 'x'],
    ['API_KEY', 'x'],
    ['apikey', 'x'],
    ['AWS_ACCESS_KEY_ID', 'x'],
    ['SECRET_KEY_BASE', 'x'],
    ['GITHUB_TOKEN', 'x'],
    ['BASIC_AUTH', 'user:pass'],
    ['KEY', 'x'],
    ['SENTRY_DSN', 'https://abc@sentry.example/1'],
    ['DATABASE_URL', 'postgres://shop:hunter2@db/shop'],
    ['REDIS_URL', 'redis://:hunter2@cache:6379/0'],
    ['TLS', '-----BEGIN PRIVATE KEY-----\nMII'],
    ['X', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc'],
    ['X', 'AKIAIOSFODNN7EXAMPLE'],
    ['X', '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'],
  ])('%s=%s', (name, value) => {
    expect(isSecret(name, value)).toBe(true);
    expect(shownEnv([`${name}=${value}`])).toEqual([{ name, value: null }]);
  });

  test.each([
    ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin'],
    ['NODE_VERSION', '22.11.0'],
    ['AUTHOR', 'someone'],
    ['KEYBOARD', 'us'],
    ['MONKEY', 'yes'],
    ['PWDLESS', ''],
    ['URL', 'https://example.com:8080/a'],
    ['LANG', 'C.UTF-8'],
    ['EMPTY_PASSWORD', ''],
  ])('and what does not: %s=%s', (name, value) => {
    expect(shownEnv([`${name}=${value}`])).toEqual([{ name, value }]);
  });

  test('in command lines', () => {
    expect(shownCommand(['redis-server', '--requirepass', 'hunter2', '--port', '6379'])).toEqual([
      'redis-server',
      '--requirepass',
      '(masked)',
      '--port',
      '6379',
    ]);
    expect(shownCommand(['app', '--db-password=hunter2', '--verbose', 'amqp://u:p@mq'])).toEqual([
      'app',
      '--db-password=(masked)',
      '--verbose',
      '(masked)',
    ]);
    expect(shownCommand(['sh', '-c', 'mysql --password hunter2; export TOKEN=hunter2; exec app --port=80'])).toEqual([
      'sh',
      '-c',
      'mysql --password (masked); export TOKEN=(masked); exec app --port=80',
    ]);
  });

  test.each([
    ['-Ddb.password=hunter2 -Xmx1g', '-Ddb.password=(masked) -Xmx1g'],
    ['curl -H "Authorization: Bearer hunter2" x', 'curl -H "Authorization: (masked) (masked)" x'],
    ['to redis://u:hunter2@h/0 password=hunter2', 'to redis://(masked)@h/0 password=(masked)'],
    ['{"user": "a", "token": "hunter2"}', '{"user": "a", "token": (masked)}'],
    ['user=a;password=hunter2;port=80', 'user=a;password=(masked);port=80'],
    ['--secret "two words" --verbose', '--secret (masked) --verbose'],
    ['ok: 3 of 3, port 80', 'ok: 3 of 3, port 80'],
    ['https://example.com:8080/a?b=c', 'https://example.com:8080/a?b=c'],
  ])('in the midst of a text: %s', (text, shown) => {
    expect(shownText(text)).toBe(shown);
    expect(shownEnv([`OPTS=${text}`])).toEqual([{ name: 'OPTS', value: isSecret('OPTS', text) ? null : shown }]);
    expect(JSON.stringify(shownLabels({ cfg: text }))).not.toContain('hunter2');
  });

  test('and long texts of any kind cost little', () => {
    for (const piece of ['a', '-', '--a "', 'a:', '://:', 'Bearer ']) shownText(piece.repeat(200_000));
  });
});
