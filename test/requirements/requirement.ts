/** Something that the MCP specification demands, in a sentence of ours. */
export interface Requirement {
  readonly id: string;
  /** `-` where the specification only explains, and the gateway holds it all the same. */
  readonly level: 'MUST' | 'MUST NOT' | 'SHOULD' | 'SHOULD NOT' | 'MAY' | '-';
  readonly era: 'modern' | 'legacy' | 'both';
  /** Towards whom, or because the gateway stands between the two. */
  readonly face: 'caller' | 'downstream' | 'between';
  /** A page of the specification and its section; of 2026-07-28 where no revision is named. */
  readonly section: string;
  readonly text: string;
  /** Scenarios of the official suite that hold it. */
  readonly suite?: readonly string[];
  /** Why it does not bind this gateway. */
  readonly notHere?: string;
}
