// What a person has chosen, kept in the browser.

import { createSlice, type PayloadAction } from '@reduxjs/toolkit'

export type Language = 'en' | 'zh'
export type Clock = 'local' | 'utc'
export interface Preferences {
  language: Language
  clock: Clock
}

const KEY = 'syncline.preferences'

function read(): Partial<Preferences> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Preferences>
  } catch {
    return {}
  }
}

export function languageOf(tags: readonly string[]): Language {
  return tags[0]?.toLowerCase().startsWith('zh') ? 'zh' : 'en'
}

function initial(): Preferences {
  const kept = read()
  return {
    language: kept.language === 'en' || kept.language === 'zh' ? kept.language : languageOf(globalThis.navigator?.languages ?? []),
    clock: kept.clock === 'utc' ? 'utc' : 'local',
  }
}

const slice = createSlice({
  name: 'preferences',
  initialState: initial,
  reducers: {
    languageChosen: (state, { payload }: PayloadAction<Language>) => {
      state.language = payload
    },
    clockChosen: (state, { payload }: PayloadAction<Clock>) => {
      state.clock = payload
    },
  },
})

export const { languageChosen, clockChosen } = slice.actions
export const preferences = slice.reducer

export function keep(chosen: Preferences): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(chosen))
  } catch {
    // Kept for this window only, then.
  }
}
