import type { Profile } from './profiles.ts';

/** The configuration as the rest of the program reads it: checked, expanded, with every default filled in. */
export interface Config {
  /** The file as the person named it; messages begin with it. */
  readonly file: string;
  /** In the order of the file. Disabled entries are left out. */
  readonly downstreams: readonly DownstreamConfig[];
  /** Host names, without port, that `Host` and `Origin` may carry besides the loopback names. */
  readonly allowedHosts: readonly string[];
  /** Callers of the transport of 2024-11-05 are served as well. */
  readonly legacySse: boolean;
  /** How long running calls may still take when this process, or their downstream, is to go. */
  readonly drainMs: number;
  readonly limits: Limits;
  readonly audit: AuditConfig;
  /** The built-in profiles and the file's own, by name. */
  readonly profiles: ReadonlyMap<string, Profile>;
  /** Of callers whose URL names none; without it, their User-Agent decides. */
  readonly profile?: Profile | undefined;
  /** Parts of the catalog with a URL of their own, by name. */
  readonly toolsets: ReadonlyMap<string, ToolsetConfig>;
  /** Absolute path of the file that the last good lists are kept in; undefined to keep none. */
  readonly catalogFile?: string | undefined;
  /** Values from a variable or a file, of headers, and of variables that are named so: never printed anywhere. */
  readonly secrets: readonly string[];
}

export type DownstreamConfig = HttpDownstreamConfig | StdioDownstreamConfig;

/** `warn` tells and serves it, `block` serves what was accepted, `off` looks at nothing. */
export type ChangePolicy = 'warn' | 'block' | 'off';

interface CommonDownstreamConfig {
  /** The entry's key in `mcpServers`: its only identity here. */
  readonly key: string;
  /** Literal text put in front of every name; `""` for none. */
  readonly prefix: string;
  /** What it is for: told to callers in our instructions. */
  readonly description?: string | undefined;
  /** What becomes of a definition of it that is not what was accepted. */
  readonly definitionChanges: ChangePolicy;
  /** Its own instructions are passed to callers, under its name. */
  readonly passesInstructions: boolean;
  /** Globs of the keys of callers' `_meta` that it is given beside those that everyone is. */
  readonly passMeta: readonly string[];
  /** Its tools stand before those of a lower one in every list. */
  readonly priority: number;
  /** For an attempt to connect, its handshake included; undefined where the kind of server decides. */
  readonly connectTimeoutMs?: number | undefined;
  /** For its list of tools; each of the others has half of it. */
  readonly listTimeoutMs: number;
  /** From sending a call, or its last progress, to giving up on it; undefined where the profile of the caller decides. */
  readonly callTimeoutMs?: number | undefined;
  /** From sending a call to giving up on it, whatever it reports; undefined where `callTimeoutMs` or the default decides. */
  readonly maxCallMs?: number | undefined;
  /** A call that its caller repeats while it runs, or after it was cut off, is not run again. */
  readonly joinsRepeats: boolean;
  /** How long what ended with nobody there to hear it is not run again; 0 for not. */
  readonly repeatGraceMs: number;
  /** What it says itself of its tools, that they may be repeated, counts. */
  readonly trustsHints: boolean;
  /** How many requests run at once, and how many wait for one of them to end; absent: those of `limits`. */
  readonly maxInFlight?: number | undefined;
  readonly maxQueue?: number | undefined;
  readonly tools: ToolShaping;
  /** By the names it gives them; absent: all. */
  readonly prompts?: NameFilter | undefined;
  /** The same for the URIs of its resources and resource templates. */
  readonly resources?: NameFilter | undefined;
}

/** Which names are let through: those that match one of `include`, all where it is absent, and none of `exclude`. */
export interface NameFilter {
  /** Globs: `*` stands for any characters, `?` for one. */
  readonly include?: readonly string[] | undefined;
  readonly exclude: readonly string[];
}

/** What the operator makes of a downstream's tools. All names are the downstream's own. */
export interface ToolShaping extends NameFilter {
  readonly overrides: ReadonlyMap<string, ToolOverride>;
}

/** Each field replaces what the downstream says. */
export interface ToolOverride {
  readonly enabled: boolean;
  /** Instead of the original name, behind the prefix. */
  readonly rename?: string | undefined;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  /** Replaced one by one; the others stay. */
  readonly annotations?: Readonly<Record<string, boolean | string>> | undefined;
  readonly priority?: number | undefined;
  readonly callTimeoutMs?: number | undefined;
  /** Its calls may be sent again although an earlier one may have run. */
  readonly retries: boolean;
  /** By the names the downstream gives them. */
  readonly arguments: ReadonlyMap<string, ArgumentOverride>;
}

export interface ArgumentOverride {
  /** Present: sent with every call, and not shown to callers. Any JSON value, its texts filled in. */
  readonly set?: unknown;
  /** Present: sent where the caller gives none. */
  readonly default?: unknown;
  readonly rename?: string | undefined;
  readonly description?: string | undefined;
}

/** A part of the catalog, by exposed names as the profile `generic` has them. */
export interface ToolsetConfig extends NameFilter {
  readonly name: string;
  readonly profile?: Profile | undefined;
  readonly description?: string | undefined;
}

/** In the order and spelling of the file. */
export type Headers = readonly (readonly [name: string, value: string])[];

export interface HttpDownstreamConfig extends CommonDownstreamConfig {
  readonly kind: 'http';
  readonly url: string;
  /** The entry says `"type": "sse"`: the transport of 2024-11-05. Absent for Streamable HTTP. */
  readonly transport?: 'sse' | undefined;
  /** Exactly what is sent with every request. */
  readonly headers: Headers;
}

export interface StdioDownstreamConfig extends CommonDownstreamConfig {
  readonly kind: 'stdio';
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the few variables every child gets; nothing else of ours reaches it. */
  readonly env: Readonly<Record<string, string>>;
  /** Absolute. */
  readonly cwd?: string | undefined;
}

/** The record of calls: one line each. */
export interface AuditConfig {
  /** Absolute path; undefined: the lines go where the log goes. */
  readonly file?: string | undefined;
  /** The arguments of calls as well. */
  readonly values: boolean;
}

/** Where things end. Each is in the unit of its name, or a count; schema-limits.ts says what they are at first. */
export interface Limits {
  /** Body of one request from a caller. */
  readonly maxRequestBytes: number;
  readonly maxHeaderBytes: number;
  readonly maxJsonDepth: number;
  /** One answer of a downstream, after decompression, whatever carries it. */
  readonly maxResultBytes: number;
  /** One event of a downstream's stream, an answer or not. */
  readonly maxEventBytes: number;
  /** One line of a downstream on stdio, an answer or not. */
  readonly maxLineBytes: number;

  readonly maxConnections: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;

  readonly maxCallerInFlight: number;
  /** 0 for any number. */
  readonly maxRequestsPerMinute: number;
  readonly maxListeners: number;
  readonly maxSessions: number;
  readonly sessionIdleMs: number;
  readonly keepAliveCommentMs: number;
  readonly maxParked: number;
  readonly maxUnsentBytes: number;
  readonly unsentTimeoutMs: number;

  readonly maxInFlight: number;
  readonly maxQueue: number;
  /** On the stream of one request, or on a channel. */
  readonly maxNoticesPerSecond: number;
  /** LiveKit gives up on any request after 5 s. */
  readonly firstListMs: number;
  readonly maxPages: number;
  readonly maxItems: number;
  /** 0 for never. */
  readonly breakerFailures: number;
  readonly breakerOpenMs: number;
  readonly breakerMaxOpenMs: number;
}
