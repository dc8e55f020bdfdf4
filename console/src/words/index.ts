// Words in two languages. Each page has its own `words.ts`; what is in one language and not in the
// other does not compile. Words that hang on a number or a name are functions.

import { useAppSelector } from '@/app/store'

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any function that makes words
type Word = string | ((...args: any[]) => string)
export type Dictionary = { readonly [key: string]: Word | Dictionary }

/** The same keys, with functions of the same arguments and any text. */
export type Like<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => string
    ? (...args: A) => string
    : T[K] extends string
      ? string
      : Like<T[K]>
}

export interface Words<T> {
  en: T
  zh: Like<T>
}

export function defineWords<const T extends Dictionary>(en: T, zh: Like<T>): Words<T> {
  return { en, zh }
}

/** The words in the language that is chosen. */
export function useWords<T>(words: Words<T>): Like<T> {
  const language = useAppSelector((state) => state.preferences.language)
  return words[language] as Like<T>
}

/** `1 row`, `2 rows`: English has one and many, Chinese does not care. */
export function plural(n: number, one: string, many: string): string {
  return n === 1 ? one : many
}
