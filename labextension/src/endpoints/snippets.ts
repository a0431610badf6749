import type { Endpoint } from '../api/endpoints';

/** The environment variable that snippets take the endpoint's token from. The token itself is never shown. */
export const TOKEN = 'LABLINE_TOKEN';

/** How the token gets into the environment. */
export function tokenCommand(endpoint: Endpoint): string {
  return `export ${TOKEN}="$(labline endpoints show ${endpoint.name} --token)"`;
}

/** A command that asks an endpoint for this, in a POSIX shell. */
export function curl(endpoint: Endpoint, body: string, version: string | null): string {
  const lines = [
    `curl ${endpoint.address ?? ''}/invocations`,
    `-H "Authorization: Bearer $${TOKEN}"`,
    "-H 'Content-Type: application/json'",
    ...(version === null ? [] : [`-H 'X-Labline-Version: ${version}'`]),
    `-d ${quoted(body)}`
  ];
  return lines.join(' \\\n  ');
}

/** A Python program that does, with the standard library alone. */
export function python(endpoint: Endpoint, body: string, version: string | null): string {
  const chosen = version === null ? '' : `\n    "X-Labline-Version": "${version}",`;
  return `import json
import os
import urllib.request

headers = {
    "Authorization": f"Bearer {os.environ['${TOKEN}']}",
    "Content-Type": "application/json",${chosen}
}
body = ${literal(JSON.parse(body), '')}
url = "${endpoint.address ?? ''}/invocations"
request = urllib.request.Request(url, json.dumps(body).encode(), headers)
with urllib.request.urlopen(request) as response:
    print(json.load(response))
`;
}

/** A word of a shell. */
export function quoted(text: string): string {
  return `'${text.replace(/'/g, "'\\''")}'`;
}

/** JSON as a Python literal; an object has a line for each of its entries. */
export function literal(value: unknown, indent: string): string {
  if (value === null) {
    return 'None';
  }
  if (typeof value === 'boolean') {
    return value ? 'True' : 'False';
  }
  if (Array.isArray(value)) {
    return `[${value.map(each => literal(each, indent)).join(', ')}]`;
  }
  if (typeof value === 'object') {
    const inner = `${indent}    `;
    const entries = Object.entries(value as object).map(
      ([key, each]) => `${inner}${JSON.stringify(key)}: ${literal(each, inner)},\n`
    );
    return entries.length ? `{\n${entries.join('')}${indent}}` : '{}';
  }
  return JSON.stringify(value);
}
