// What is said of a job file that is wrong, in the language of the console.

import { defineWords, type Like } from '@/words'

const PARSERS_OWN: Record<string, string> = {}

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
    /** What the YAML itself is, by the parser's own codes; its own words where there is none. */
    yaml: PARSERS_OWN,
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
    yaml: {
      BAD_INDENT: '缩进不正确',
      TAB_AS_INDENT: '不能用制表符缩进',
      DUPLICATE_KEY: '键重复',
      MULTILINE_IMPLICIT_KEY: '键必须写在一行内，后跟冒号',
      BLOCK_AS_IMPLICIT_KEY: '此处不能再嵌套映射',
      BLOCK_IN_FLOW: '括号内不能使用块结构',
      MISSING_CHAR: '缺少字符（括号、引号、逗号或空格）',
      UNEXPECTED_TOKEN: '此处出现了多余的内容',
      BAD_SCALAR_START: '文本不能以此字符开头，请加引号',
      BAD_DQ_ESCAPE: '双引号内的转义无效',
      BAD_ALIAS: '别名无效',
      MULTIPLE_DOCS: '只能有一个文档',
      BAD_DIRECTIVE: '指令无效',
    },
    noVerb: '需要一个动词',
    noStep: (key: string, near: string | null) => `没有名为 ${key} 的步骤${near ? `；是否想写 ${near}？` : ''}`,
  },
)

export type Says = Like<(typeof says)['en']>
