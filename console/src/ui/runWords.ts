import { defineWords } from '@/words'

export const runWords = defineWords(
  {
    job: 'Job',
    run: 'Run',
    state: 'State',
    progress: 'Progress',
    progressOf: (job: string) => `Progress of ${job}`,
    rows: 'Rows',
    dead: 'Dead letters',
    route: 'From → to',
    started: 'Started',
    took: 'Took',
    lag: (lag: string) => `${lag} behind`,
    follows: 'Follows changes',
  },
  {
    job: '作业',
    run: '运行',
    state: '状态',
    progress: '进度',
    progressOf: (job: string) => `${job} 的进度`,
    rows: '行数',
    dead: '死信',
    route: '从 → 到',
    started: '开始',
    took: '用时',
    lag: (lag: string) => `延迟 ${lag}`,
    follows: '跟随变更中',
  },
)
