import { configureStore } from '@reduxjs/toolkit'
import { setupListeners } from '@reduxjs/toolkit/query'
import { useDispatch, useSelector } from 'react-redux'
import { api } from '@/api/api'
import { live } from '@/live/slice'
import { notices } from './notices'
import { keep, preferences } from './preferences'
import { keepToken, session } from './session'

export function makeStore() {
  const store = configureStore({
    reducer: { session, preferences, notices, live, [api.reducerPath]: api.reducer },
    // The checks walk all of the state at each action; with ten thousand runs that is felt.
    middleware: (defaults) => defaults({ serializableCheck: false, immutableCheck: false }).concat(api.middleware),
  })
  let kept = store.getState().preferences
  let { token } = store.getState().session
  store.subscribe(() => {
    const { preferences: chosen, session: now } = store.getState()
    if (chosen !== kept) keep((kept = chosen))
    if (now.token !== token) keepToken((token = now.token))
  })
  setupListeners(store.dispatch)
  return store
}

export type AppStore = ReturnType<typeof makeStore>
export type RootState = ReturnType<AppStore['getState']>
export const useAppDispatch = useDispatch.withTypes<AppStore['dispatch']>()
export const useAppSelector = useSelector.withTypes<RootState>()
