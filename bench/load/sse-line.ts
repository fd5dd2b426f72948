// The HTTP+SSE transport of 2024-11-05: answers come on the stream of a GET, requests go to the address that it names.

import type { Socket } from 'node:net';
import { token } from '../scene.ts';
import { type Answer, Connection, type Line, openSocket } from './connection.ts';

export class SseLine implements Line {
  readonly firstByteAt = 0;
  readonly #stream: Socket;
  readonly #connection: Connection;
  readonly #endpoint: Promise<string>;
  #named: (endpoint: string) => void = () => {};
  #text = '';
  #answered: ((answer: Answer) => void) | undefined;

  private constructor(stream: Socket, connection: Connection) {
    this.#stream = stream;
    this.#connection = connection;
    stream.setEncoding('latin1');
    stream.on('data', (text: string) => this.#receive(text));
    stream.on('error', () => {});
    this.#endpoint = new Promise((resolve, reject) => {
      this.#named = resolve;
      stream.on('close', () => reject(new Error('The stream was closed')));
    });
    // Whoever opens the line hears of it.
    this.#endpoint.catch(() => {});
  }

  static async open(port: number, path: string): Promise<SseLine> {
    const stream = await openSocket(port);
    const line = new SseLine(stream, await Connection.open(port));
    const lines = [`GET ${path} HTTP/1.1`, 'Host: 127.0.0.1', `Authorization: Bearer ${token}`];
    stream.write(`${[...lines, 'Accept: text/event-stream'].join('\r\n')}\r\n\r\n`);
    await line.#endpoint;
    return line;
  }

  async roundTrip(request: string): Promise<Answer> {
    const to = await this.#endpoint;
    const posted = request.replace(/^POST \S+/, `POST ${to}`);
    const answered = new Promise<Answer>((resolve) => {
      this.#answered = resolve;
    });
    const accepted = await this.#connection.roundTrip(posted);
    return accepted.status === 202 && request.includes('"id":') ? answered : accepted;
  }

  close(): void {
    this.#stream.destroy();
    this.#connection.close();
  }

  /** Sizes of chunks stand between the lines, and mean nothing here: an event ends with an empty line. */
  #receive(text: string): void {
    this.#text += text;
    for (let end = this.#text.indexOf('\n\n'); end >= 0; end = this.#text.indexOf('\n\n')) {
      const event = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 2);
      const data = event.slice(event.lastIndexOf('data: ') + 6);
      if (event.includes('event: endpoint')) this.#named(data);
      else if (event.includes('event: message'))
        this.#answered?.({ status: 200, head: '', bytes: Buffer.from(data, 'latin1') });
    }
  }
}
