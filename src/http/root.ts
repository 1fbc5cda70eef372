import type { Answer } from './answer.ts';

/** `GET /`: to the user interface, or a word for whoever looks whether anything is there. */
export function root(uiPath: string | undefined): Answer {
  if (uiPath === undefined) {
    return {
      status: 200,
      headers: ['Content-Type', 'text/plain; charset=utf-8'],
      body: 'Consul Agent: UI disabled. This is Portolan; its HTTP API begins at /v1/.',
      bare: true,
    };
  }
  return {
    status: 301,
    headers: ['Content-Type', 'text/html; charset=utf-8', 'Location', uiPath],
    body: `<a href="${uiPath}">Moved Permanently</a>.\n\n`,
    bare: true,
  };
}
