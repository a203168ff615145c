/** Every page of the console and its place in the menu. Pages load when they are opened. */
import { createRouter, createWebHistory, type RouteRecordRaw } from 'vue-router'
import { me } from './api.ts'
import { showEcho } from './echo.ts'

type MenuPage = {
  readonly path: string
  readonly en: string
  readonly zh: string
  /** Path data of a 20 × 20 icon, drawn with a line. */
  readonly icon: string
  readonly page: () => Promise<unknown>
  /** Not for viewers: the server would refuse them. */
  readonly isForDevelopers?: boolean
}
type MenuGroup = { readonly en: string; readonly zh: string; readonly pages: readonly MenuPage[] }

// biome-ignore format: a table keeps its columns
export const MENU: readonly MenuGroup[] = [
  { en: 'Server', zh: '服务器', pages: [
    { path: '/overview', en: 'Overview', zh: '概览', icon: 'M3 13a7 7 0 1 1 14 0M10 13l3.500-4', page: () => import('./pages/overview-page.vue') },
    { path: '/plan', en: 'Plan', zh: '容量规划', icon: 'M4 16V9M10 16V4M16 16v-5', page: () => import('./pages/plan-page.vue') },
    { path: '/alarms', en: 'Alarms', zh: '告警', icon: 'M5 14h10l-1.500-2V9a3.500 3.500 0 0 0-7 0v3zM8.500 16.500h3', page: () => import('./pages/alarms-page.vue') },
  ] },
  { en: 'App', zh: '应用', pages: [
    { path: '/data', en: 'Data', zh: '数据', icon: 'M4 6c0-3 12-3 12 0s-12 3-12 0v8c0 3 12 3 12 0V6M4 10c0 3 12 3 12 0', page: () => import('./pages/data-page.vue') },
    { path: '/sql', en: 'SQL', zh: 'SQL', icon: 'M4 6l4 4-4 4M10 14h6', page: () => import('./pages/sql-page.vue'), isForDevelopers: true },
    { path: '/functions', en: 'Functions', zh: '云函数', icon: 'M12 4c-3 0-3 2-3.500 6S8 16 5 16M6 9.500h6', page: () => import('./pages/functions-page.vue') },
    { path: '/files', en: 'Files', zh: '文件', icon: 'M5 3.500h6l4 4v9H5zM11 3.500v4h4', page: () => import('./pages/files-page.vue') },
    { path: '/payments', en: 'Payments', zh: '支付', icon: 'M3 6h14v9H3zM3 9h14M6 12.500h3', page: () => import('./pages/payments-page.vue') },
    { path: '/users', en: 'Users', zh: '用户', icon: 'M10 9.500a3 3 0 1 0 0-6 3 3 0 0 0 0 6M4 17c0-6 12-6 12 0', page: () => import('./pages/users-page.vue') },
  ] },
  { en: 'Diagnose', zh: '排查', pages: [
    { path: '/logs', en: 'Logs', zh: '日志', icon: 'M4 5h12M4 10h12M4 15h7', page: () => import('./pages/logs-page.vue') },
    { path: '/slow', en: 'Slow queries', zh: '慢查询', icon: 'M10 17a7 7 0 1 1 0-14 7 7 0 0 1 0 14M10 6v4.500l2.500 2', page: () => import('./pages/slow-page.vue') },
  ] },
  { en: 'Manage', zh: '管理', pages: [
    { path: '/settings', en: 'Settings', zh: '设置', icon: 'M4 6h6M14 6h2M12 4v4M4 14h2M10 14h6M8 12v4', page: () => import('./pages/settings-page.vue') },
    { path: '/audit', en: 'Audit', zh: '审计', icon: 'M10 3l6 2.500v4c0 4-3 6.500-6 7.500-3-1-6-3.500-6-7.500v-4zM7.500 10l2 2 3.500-4', page: () => import('./pages/audit-page.vue'), isForDevelopers: true },
  ] },
]

const menuRoutes: RouteRecordRaw[] = MENU.flatMap((group) =>
  group.pages.map(({ path, page, en, zh }) => ({
    path,
    component: page,
    meta: { en, zh, isPublic: path === '/plan' },
  })),
)

export const router = createRouter({
  history: createWebHistory('/console/'),
  routes: [
    { path: '/', redirect: '/overview' },
    { path: '/sign-in', component: () => import('./pages/sign-in-page.vue'), meta: { isPublic: true, isBare: true } },
    { path: '/setup', component: () => import('./pages/setup-page.vue'), meta: { isPublic: true, isBare: true } },
    ...menuRoutes,
    { path: '/:rest(.*)*', redirect: '/overview' },
  ],
})

router.beforeEach((to) => {
  if (!me.value && !to.meta['isPublic']) return { path: '/sign-in', query: { next: to.fullPath } }
  return undefined
})
router.afterEach((to, from) => {
  if (to.path !== from.path) showEcho()
})
