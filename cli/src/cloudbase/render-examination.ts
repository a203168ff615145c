/** The report of an examination, for a person. */
import { isOnlyShown } from './collection-usage.ts'
import type { AttentionTopic, Examination } from './examine-project.ts'

const TEXT = {
  en: {
    works: 'Works as it is',
    pages: (count: number, cloud: number) => `${count} page scripts, ${cloud} of them call wx.cloud`,
    functions: (count: number, timers: number) =>
      `${count} cloud functions${timers ? `, ${timers} timers` : ''}, unchanged with their own wx-server-sdk`,
    client: 'wx.cloud members used',
    server: 'wx-server-sdk used',
    collections: 'Collections (CloudBase keeps permissions in its console: check `rules` in sampan.config.ts)',
    direct: 'pages use it directly',
    viaFunctions: 'through functions only',
    maybeDirect: 'through functions; pages also ask for collections by names that the code does not tell',
    onlyShown: 'only read there: under PRIVATE everybody sees just their own records; ADMINWRITE or READONLY shows all',
    index: 'index',
    attention: 'Needs attention',
    nothing: 'nothing',
    cloudIds: (count: number) =>
      `${count} cloud:// addresses in the code: <image> shows them only inside CloudBase; import the files, then use the new addresses or getTempFileURL`,
    topics: {
      api: 'is not served by Sampan; the call answers a clear error',
      'cloud-taken-apart': 'is not rewritten; write wx.cloud.… instead',
      'cloud-assigned': 'stays; everything else in this file calls Sampan',
      'cloud-id': 'cloud:// address',
      'no-entry': 'has no index.js and is left out',
      'broken-json': 'is not valid JSON',
      variable: 'is set in the CloudBase console: put it under envVariables in cloudbaserc.json or config.json',
    } satisfies Record<AttentionTopic, string>,
  },
  zh: {
    works: '可直接运行',
    pages: (count: number, cloud: number) => `${count} 个页面脚本,其中 ${cloud} 个调用 wx.cloud`,
    functions: (count: number, timers: number) =>
      `${count} 个云函数${timers ? `、${timers} 个定时器` : ''},代码与 wx-server-sdk 版本都不用改`,
    client: '用到的 wx.cloud 接口',
    server: '用到的 wx-server-sdk 接口',
    collections: '集合(权限保存在云开发控制台里,请核对 sampan.config.ts 中的 rules)',
    direct: '页面直接读写',
    viaFunctions: '仅通过云函数读写',
    maybeDirect: '通过云函数读写;页面另有用变量命名的集合,请核对',
    onlyShown: '页面只读:PRIVATE 下每人只能看到自己的记录;若应对所有人可见,请设为 ADMINWRITE 或 READONLY',
    index: '索引',
    attention: '需要注意',
    nothing: '无',
    cloudIds: (count: number) =>
      `代码中有 ${count} 处 cloud:// 地址:<image> 只能在云开发中显示它们;请导入文件后改用新地址或 getTempFileURL`,
    topics: {
      api: '不受支持,调用会得到明确的错误',
      'cloud-taken-apart': '无法自动改写,请写成 wx.cloud.…',
      'cloud-assigned': '保持不变;该文件其余部分改接 Sampan',
      'cloud-id': 'cloud:// 地址',
      'no-entry': '缺少 index.js,已跳过',
      'broken-json': '不是合法的 JSON',
      variable: '原在云开发控制台设置:请写入 cloudbaserc.json 或 config.json 的 envVariables',
    } satisfies Record<AttentionTopic, string>,
  },
}

const MAX_PLACES = 20

export function renderExamination(examination: Examination, lang: 'en' | 'zh'): string {
  const text = TEXT[lang]
  const { pages, functions, clientApis, serverApis, collections, cloudIds, attention } = examination
  const timers = functions.reduce((sum, facts) => sum + facts.timers, 0)
  const counted = (apis: Readonly<Record<string, number>>) =>
    Object.entries(apis)
      .map(([name, count]) => `${name} ×${count}`)
      .join(', ') || text.nothing
  const collectionLines = collections.map((usage) => {
    const { name, fromPages, mayBeFromPages, indexes } = usage
    const indirect = mayBeFromPages ? text.maybeDirect : text.viaFunctions
    const use = fromPages.length > 0 ? `${text.direct}: ${fromPages.join(', ')}` : indirect
    const wanted = indexes.map((fields) => `${text.index} ${JSON.stringify(fields)}`).join('; ')
    const facts = [use, ...(isOnlyShown(usage) ? [text.onlyShown] : []), ...(wanted ? [wanted] : [])]
    return `  • ${name}: ${facts.join('; ')}`
  })
  const attentionLines = attention
    .slice(0, MAX_PLACES)
    .map(({ file, line, what, topic }) => `  • ${file}:${line} ${what} ${text.topics[topic]}`)
  if (cloudIds.length > 0) {
    attentionLines.push(
      `  • ${text.cloudIds(cloudIds.length)}`,
      ...cloudIds.slice(0, MAX_PLACES).map(({ file, line }) => `      ${file}:${line}`),
    )
  }
  return [
    examination.name,
    '',
    `✔ ${text.works}`,
    `  • ${text.pages(pages.files, pages.withCloud.length)}`,
    `  • ${text.functions(functions.length, timers)}`,
    `  • ${text.client}: ${counted(clientApis)}`,
    `  • ${text.server}: ${counted(serverApis)}`,
    '',
    text.collections,
    ...(collectionLines.length > 0 ? collectionLines : [`  ${text.nothing}`]),
    '',
    `${attentionLines.length > 0 ? '!' : '✔'} ${text.attention}${attentionLines.length > 0 ? '' : `: ${text.nothing}`}`,
    ...attentionLines,
  ].join('\n')
}
