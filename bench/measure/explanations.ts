export const headings = {
  call: '## tools/call, 1 KiB results, ten downstreams',
  list: `## tools/list, 500 tools of ten downstreams

The practical limit answers with bytes that never change: a static response. The direct list has the fifty tools of one
downstream. The naive aggregator asks its downstreams each time, as far as its clients do not remember the answer.`,
  cold: `## Cold conversation

A new connection, \`server/discover\` or \`initialize\`, tools/list, one tools/call. A "call" below is all of that.`,
};

export const howToRead = `## How to read this

- **CPU per call** is the main figure: CPU time, user and system, of the gateway's process, all its threads and children
  included. 1 / (CPU per call) is what one core can carry. The direct row shows the downstream's own.
- **× limit** and **of naive** compare CPU per call within a round. Trust these ratios and not the times, which move with
  the machine and its neighbours; and of the ratios not the last tenth: two processes of the same code differ by several
  percent from start to start.
- Requests per second and latencies belong to everything together, load generator and downstreams included. With one core
  for all they tell what a gateway adds, not what a deployment reaches. The p99 of a slow target rests on few calls.
- The **practical limit** is no product. It compares the token, parses the request, maps the name, writes the request anew
  and passes the answer on unparsed. It has no size limits, deadlines, cancellation or log, nothing to say for a
  downstream that fails, and leaves an answer as it is when caller and downstream are of different eras.
- The **naive aggregator** is \`createMcpHandler\` on node:http with a low-level \`Server\` for each request and one SDK client
  for each downstream. It has nothing of that either.
- Switchboard and the naive aggregator answer a legacy caller that accepts event streams with one (OpenAI's legacy client
  needs it); the limit and the downstreams answer with JSON.
- Loopback, no TLS, one text block a result, downstreams that answer at once. A real downstream takes milliseconds: beside
  them, what is measured here shows in how many processes are needed, not in how long a caller waits.
- Every answer was checked: status, id, and a text that differs for each call. A wrong one ends the run.`;
