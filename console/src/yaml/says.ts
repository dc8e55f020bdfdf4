// What is said of a job file that is wrong, in the language of the console.

import { defineWords, type Like } from '@/words'

export const says = defineWords(
  {
    kinds: {
      string: 'a text',
      integer: 'a whole number',
      number: 'a number',
      boolean: 'true or false',
      array: 'a list',
      object: 'a map of keys',
      null: 'nothing',
    },
    ofKind: (kinds: readonly string[]) => `must be ${kinds.join(' or ')}`,
    atLeast: (n: number) => `must be ${n} at least`,
    atMost: (n: number) => `must be ${n} at most`,
    needs: (n: number) => `needs ${n} at least`,
    missing: (key: string) => `${key} is missing`,
    unknown: (key: string, near: string | null) => `${key} is not known here${near ? `; did you mean ${near}?` : ''}`,
    oneOf: (words: readonly string[], near: string | null) => `must be one of ${words.join(', ')}${near ? `; did you mean ${near}?` : ''}`,
    noVerb: 'needs a verb',
    noStep: (key: string, near: string | null) => `${key} is no step${near ? `; did you mean ${near}?` : ''}`,
  },
  {
    kinds: { string: '文本', integer: '整数', number: '数字', boolean: 'true 或 false', array: '列表', object: '键值映射', null: '空' },
    ofKind: (kinds: readonly string[]) => `必须是${kinds.join('或')}`,
    atLeast: (n: number) => `不得小于 ${n}`,
    atMost: (n: number) => `不得大于 ${n}`,
    needs: (n: number) => `至少需要 ${n} 项`,
    missing: (key: string) => `缺少 ${key}`,
    unknown: (key: string, near: string | null) => `此处没有 ${key} 这个键${near ? `；是否想写 ${near}？` : ''}`,
    oneOf: (words: readonly string[], near: string | null) => `必须是 ${words.join('、')} 之一${near ? `；是否想写 ${near}？` : ''}`,
    noVerb: '需要一个动词',
    noStep: (key: string, near: string | null) => `没有名为 ${key} 的步骤${near ? `；是否想写 ${near}？` : ''}`,
  },
)

export type Says = Like<(typeof says)['en']>
