// Where a signal ends the process, what it does at its exit is done as well: the processes that it started are ended.

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
