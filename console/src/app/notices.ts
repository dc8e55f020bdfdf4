// Short words about what has just been done; a screen reader hears them.

import { createSlice, nanoid, type PayloadAction } from '@reduxjs/toolkit'

export interface Notice {
  id: string
  text: string
  tone: 'finished' | 'failed'
}

const slice = createSlice({
  name: 'notices',
  initialState: [] as Notice[],
  reducers: {
    notice: {
      prepare: (text: string, tone: Notice['tone'] = 'finished') => ({ payload: { id: nanoid(8), text, tone } }),
      reducer: (state, { payload }: PayloadAction<Notice>) => [...state.slice(-3), payload],
    },
    noticeGone: (state, { payload }: PayloadAction<string>) => state.filter((one) => one.id !== payload),
  },
})

export const { notice, noticeGone } = slice.actions
export const notices = slice.reducer
