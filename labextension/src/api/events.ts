import { DisposableDelegate, type IDisposable } from '@lumino/disposable';
import { Signal, type ISignal } from '@lumino/signaling';

import type { HelloMessage, LogMessage, RunEvent, ServerMessage } from './types';

/** What the stream needs of a WebSocket. */
export interface Socket {
  onmessage: ((event: MessageEvent) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  send(data: string): void;
  close(): void;
}

/** Opens a socket that replays what came after event `start`; `null`: from now on. */
export type OpenSocket = (start: number | null) => Promise<Socket>;

export type LogListener = (text: string, complete: boolean) => void;

const FIRST_DELAY = 500;
const LONGEST_DELAY = 15_000;

/** One socket, opened again whenever it breaks, that goes on after the last event it saw. */
export class EventStream implements IDisposable {
  constructor(private readonly open: OpenSocket) {}

  /** A run, step or cell changed. */
  readonly event = new Signal<this, RunEvent>(this) as ISignal<this, RunEvent>;

  /** The socket opened or broke. After an opening with `true` everything known must be read again. */
  readonly connection = new Signal<this, { open: boolean; missed: boolean }>(this) as ISignal<
    this,
    { open: boolean; missed: boolean }
  >;

  get isConnected(): boolean {
    return this._isConnected;
  }

  get isDisposed(): boolean {
    return this._isDisposed;
  }

  /** Connect; while connected or connecting, nothing. */
  start(): void {
    if (!this.started && !this._isDisposed) {
      this.started = true;
      void this.connect();
    }
  }

  /**
   * Follow a step's log from byte `offset` on, until the returned handle is disposed.
   * Who follows a log that is followed already takes it over.
   */
  follow(run: string, step: string, offset: number, listener: LogListener): IDisposable {
    const key = `${run} ${step}`;
    const feed: LogFeed = { run, step, offset, complete: false, expected: null, listener };
    this.feeds.set(key, feed);
    this.subscribe(feed);
    this.start();
    return new DisposableDelegate(() => {
      if (this.feeds.get(key) === feed) {
        this.feeds.delete(key);
        this.send({ unsubscribe: { run, step } });
      }
    });
  }

  dispose(): void {
    this._isDisposed = true;
    clearTimeout(this.timer);
    this.feeds.clear();
    this.socket?.close();
    Signal.clearData(this);
  }

  private async connect(): Promise<void> {
    let socket: Socket;
    try {
      socket = await this.open(this.seq);
    } catch {
      this.retry();
      return;
    }
    this.socket = socket;
    socket.onmessage = message => this.receive(JSON.parse(String(message.data)) as ServerMessage);
    socket.onclose = () => this.retry();
  }

  private retry(): void {
    if (this._isDisposed) {
      return;
    }
    this.socket = null;
    if (this._isConnected) {
      this._isConnected = false;
      (this.connection as Signal<this, { open: boolean; missed: boolean }>).emit({
        open: false,
        missed: false
      });
    }
    this.timer = setTimeout(() => void this.connect(), this.delay);
    this.delay = Math.min(this.delay * 2, LONGEST_DELAY);
  }

  private receive(message: ServerMessage): void {
    if (message.kind === 'hello') {
      this.welcome(message);
    } else if (message.kind === 'log') {
      this.receiveLog(message);
    } else if ('seq' in message && (this.seq === null || message.seq > this.seq)) {
      this.seq = message.seq;
      (this.event as Signal<this, RunEvent>).emit(message);
    }
  }

  private welcome(hello: HelloMessage): void {
    this.delay = FIRST_DELAY;
    this._isConnected = true;
    // A number lower than one already seen: the server works on another data folder now.
    const missed = this.seq === null || hello.seq < this.seq;
    if (missed) {
      this.seq = hello.seq;
    }
    this.feeds.forEach(feed => this.subscribe(feed));
    (this.connection as Signal<this, { open: boolean; missed: boolean }>).emit({ open: true, missed });
  }

  private receiveLog(message: LogMessage): void {
    const feed = this.feeds.get(`${message.run} ${message.step}`);
    // The first text after a subscription must be what was asked for, not a late answer to an older one.
    if (!feed || (feed.expected !== null && feed.expected !== message.offset)) {
      return;
    }
    feed.expected = null;
    feed.offset = message.offset + new TextEncoder().encode(message.text).length;
    feed.complete = message.complete;
    feed.listener(message.text, message.complete);
  }

  private subscribe(feed: LogFeed): void {
    if (!feed.complete) {
      feed.expected = feed.offset;
      this.send({ subscribe: { run: feed.run, step: feed.step, offset: feed.offset } });
    }
  }

  private send(message: object): void {
    if (this._isConnected) {
      this.socket?.send(JSON.stringify(message));
    }
  }

  private socket: Socket | null = null;
  private started = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private delay = FIRST_DELAY;
  private seq: number | null = null;
  private readonly feeds = new Map<string, LogFeed>();
  private _isConnected = false;
  private _isDisposed = false;
}

/** A followed log. `offset` counts bytes; `expected` is set until the first answer to a subscription. */
interface LogFeed {
  run: string;
  step: string;
  offset: number;
  complete: boolean;
  expected: number | null;
  listener: LogListener;
}
