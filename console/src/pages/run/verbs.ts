// What can be done to a run in which state; the server has the last word.

import type { RunVerb } from '@/api/runs'
import type { RunState } from '@/api/types'

const VERBS: Record<RunState, RunVerb[]> = {
  created: ['pause', 'stop'],
  waiting: ['pause', 'stop'],
  running: ['pause', 'stop'],
  pausing: ['stop'],
  paused: ['resume', 'stop'],
  stopping: [],
  stopped: ['restart'],
  finished: ['restart'],
  failed: ['resume', 'stop', 'restart'],
}

export function verbsOf(state: RunState): RunVerb[] {
  return VERBS[state]
}

/** Nothing happens to it any more, so its history may be deleted. */
export function isOver(state: RunState): boolean {
  return state === 'stopped' || state === 'finished' || state === 'failed'
}
