/** Starts the console: one page, its parts loaded when they are opened. */
import { createApp } from 'vue'
import { loadMe } from './api.ts'
import App from './app.vue'
import { router } from './routes.ts'
import 'tdesign-vue-next/es/style/index.css'
import './look.css'

await loadMe()
createApp(App).use(router).mount('#app')
