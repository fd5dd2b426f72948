import { setFlagsFromString } from 'node:v8';

/**
 * V8's garbage collector for what a gateway allocates: a little for each call, all of it dead a moment later.
 *
 * Where a burst of calls happens to run during some collections, V8 takes what calls allocate for long-lived and puts it
 * where only a full collection looks: one process in two then took 1.5 times the CPU for good. And what is left to copy
 * of a thousand calls is less than a megabyte: shared among four threads it costs more to hand out than to copy.
 *
 * What bodies are read into counts for V8 like its heap. Of the little that a gateway holds it lets a third come on top,
 * so that each result of 8 MB was followed by a collection of everything, for nothing: 10 ms in which nobody is served.
 * With three times of what is held, and not a third more, memory stays as bounded and there is one for several.
 */
export function tuneCollector(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
  setFlagsFromString('--no-parallel-scavenge');
  setFlagsFromString('--heap-growing-percent=200');
}
