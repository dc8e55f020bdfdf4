// What the editor itself says: its search panel and its screen reader messages, in Chinese. English is its own.

import type { Language } from '@/app/preferences'

const CHINESE: Record<string, string> = {
  Find: '查找',
  Replace: '替换',
  next: '下一个',
  previous: '上一个',
  all: '全部',
  'match case': '区分大小写',
  'by word': '全词匹配',
  regexp: '正则表达式',
  replace: '替换',
  'replace all': '全部替换',
  close: '关闭',
  'current match': '当前匹配',
  'replaced $ matches': '已替换 $ 处',
  'replaced match on line $': '已替换第 $ 行的匹配',
  'on line': '在第',
  'Go to line': '跳到行',
  go: '跳转',
  Completions: '补全',
  Diagnostics: '问题',
  'No diagnostics': '没有问题',
  'Fold line': '折叠此行',
  'Unfold line': '展开此行',
  'Folded lines': '已折叠的行',
  'Unfolded lines': '已展开的行',
  to: '至',
  'folded code': '已折叠的内容',
  unfold: '展开',
  'Control character': '控制字符',
  'Selection deleted': '已删除所选内容',
}

export function phrasesIn(language: Language): Record<string, string> {
  return language === 'zh' ? CHINESE : {}
}
