/** The configuration as the rest of the program reads it: checked, expanded, with every default filled in. */
export interface Config {
  /** The file as the person named it; messages begin with it. */
  readonly file: string;
  /** In the order of the file. Disabled entries are left out. */
  readonly downstreams: readonly DownstreamConfig[];
  /** Host names, without port, that `Host` and `Origin` may carry besides the loopback names. */
  readonly allowedHosts: readonly string[];
  readonly limits: Limits;
  /** Values that came from a variable or a file, and every header value: never printed anywhere. */
  readonly secrets: readonly string[];
}

export type DownstreamConfig = HttpDownstreamConfig | StdioDownstreamConfig;

interface CommonDownstreamConfig {
  /** The entry's key in `mcpServers`: its only identity here. */
  readonly key: string;
  /** Literal text put in front of every name; `""` for none. */
  readonly prefix: string;
  readonly description?: string;
  /** From sending a call to giving up on it. */
  readonly callTimeoutMs: number;
}

export interface HttpDownstreamConfig extends CommonDownstreamConfig {
  readonly kind: 'http';
  readonly url: string;
  /** The entry says `"type": "sse"`: the transport of 2024-11-05. Absent for Streamable HTTP. */
  readonly transport?: 'sse';
  /** Exactly what is sent with every request, in the order and spelling of the file. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface StdioDownstreamConfig extends CommonDownstreamConfig {
  readonly kind: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the few variables every child gets; nothing else of ours reaches it. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute. */
  readonly cwd?: string;
}

export interface Limits {
  /** Body of one request from a caller. */
  readonly maxRequestBytes: number;
  /** One answer of a downstream, after decompression. */
  readonly maxResultBytes: number;
}
