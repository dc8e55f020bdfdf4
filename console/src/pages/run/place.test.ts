import { expect, it } from 'vitest'
import { placeOf } from './place'

it.each([
  ['{"v":1,"key":[{"int":"61400"}]}', '61400'],
  ['{"v":1,"key":[{"int":"7"},{"text":"x"}]}', '7 · x'],
  ['{"v":1,"key":["7"]}', '7'],
  ['{"v":1,"key":[]}', '{"v":1,"key":[]}'],
  ['{"v":1,"key":[{"raw":[1]}]}', '{"v":1,"key":[{"raw":[1]}]}'],
  ['{"v":1,"block":9}', '{"v":1,"block":9}'],
  ['0/16B3740', '0/16B3740'],
  ['null', 'null'],
])('%s is read as %s', (token, said) => expect(placeOf(token)).toBe(said))
