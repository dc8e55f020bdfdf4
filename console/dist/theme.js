// Sets the theme before anything is painted, so that a dark room stays dark.
;(function () {
  var chosen = null
  try {
    chosen = localStorage.getItem('syncline.theme')
  } catch {
    // Storage may be forbidden; the system's theme is taken then.
  }
  var dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light')
})()
