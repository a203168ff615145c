/** What a .vue file exports, for the compiler, which does not read them. */
declare module '*.vue' {
  import type { DefineComponent } from 'vue'

  const component: DefineComponent
  export default component
}
