/** What to do first, in order. */
import type { Assessment, ConditionId } from './assessment.ts'
import { hasEvent } from './demand.ts'
import type { Design, DesignId } from './designs.ts'
import { featureOf } from './features.ts'
import type { PlanInput } from './plan-input.ts'
import type { Text } from './text.ts'

export type Step = { readonly id: string } & Text

const step = (id: string, en: string, zh: string): Step => ({ id, en, zh })

const CONDITION_STEPS: { readonly [K in ConditionId]: Step } = {
  'images-to-cdn': step(
    'images-to-cdn',
    'First: upload images straight to COS with a signed policy and serve them from a CDN domain.',
    '先做：图片用签名策略直传 COS，并由 CDN 域名分发。',
  ),
  'heavy-work-apart': step(
    'heavy-work-apart',
    'First: run heavy jobs one at a time at low priority (the written unit does), or in cloud functions.',
    '先做：重任务一次只跑一个并降低优先级（生成的单元已如此），或放到云函数。',
  ),
  'extend-disk': step(
    'extend-disk',
    'First: order a larger disk, or delete old rows by a timer: at this rate it is full within a week.',
    '先做：扩容磁盘，或用定时任务清理旧数据：按此速度一周内写满。',
  ),
  'set-alarms': step(
    'set-alarms',
    'First: switch on the alarms below; more than half of a resource is in use at the peak.',
    '先做：打开下面的告警；高峰已用掉某项资源的一半以上。',
  ),
}

const DESIGN_STEPS: { readonly [K in DesignId]?: Step } = {
  'light-cdn': step(
    'images-on-cdn',
    'Keep images on COS and CDN; the server sends JSON only.',
    '图片放在 COS 与 CDN，服务器只发 JSON。',
  ),
  'light-functions': step(
    'jobs-in-functions',
    'Put heavy jobs into a cloud function called from a job queue.',
    '重任务放进云函数，由任务队列调用。',
  ),
  standard: step(
    'state-out-first',
    'Move the database out of the box first, then files to COS, then add the second server.',
    '先把数据库移出本机，再把文件移到 COS，最后加第二台。',
  ),
  kubernetes: step(
    'state-out-first',
    'Move database, Redis and files to cloud services first; then roll out the manifests.',
    '先把数据库、Redis、文件移到云服务，再部署清单。',
  ),
  'cloudbase-run': step(
    'container',
    'Build the written Dockerfile; call it with callContainer, which needs no domain.',
    '用生成的 Dockerfile 构建；用 callContainer 调用，无需域名。',
  ),
}

export function stepsFor(design: Design, assessed: Assessment, input: PlanInput): Step[] {
  const steps: Step[] = []
  for (const id of input.features) {
    const requirement = featureOf(id).requirement
    if (requirement) steps.push({ id: `requirement-${id}`, ...requirement.reason })
  }
  steps.push(...assessed.conditions.map((condition) => CONDITION_STEPS[condition]))
  const own = DESIGN_STEPS[design.design]
  if (own && !assessed.conditions.includes('images-to-cdn')) steps.push(own)
  if (hasEvent(input)) {
    steps.push(
      step(
        'rehearse',
        'Rehearse the event with `sampan bench` against a copy; keep its page on the CDN.',
        '用 `sampan bench` 在副本上演练；活动页放 CDN。',
      ),
    )
  }
  if (design.design === 'kubernetes' && hasEvent(input)) {
    steps.push(
      step(
        'scale-before',
        'Scale out before the hour with the cron scaler: no autoscaler reacts within seconds.',
        '用定时伸缩在整点前扩容：任何自动伸缩都来不及在几秒内反应。',
      ),
    )
  }
  if (design.bundle?.mbpsKind === 'peak') {
    steps.push(
      step(
        'measure-line',
        'Measure the line in the evening by downloading a large file from outside, and write it as lineMbps into capacity.json: nobody promises a peak line.',
        '晚高峰从外部下载一个大文件实测带宽，并以 lineMbps 写入 capacity.json：峰值带宽没有承诺。',
      ),
    )
  }
  steps.push(
    step(
      'measure-box',
      'Run `sampan bench` on the box once: its capacity.json replaces the reference figures of this plan.',
      '在机器上跑一次 `sampan bench`：capacity.json 会替换本报告的参考值。',
    ),
  )
  steps.push(
    step(
      'domain',
      'Register the domain and begin ICP filing today: it takes up to 20 working days; a certificate by DNS-01 needs no wait.',
      '今天就注册域名并开始备案：最长约 20 个工作日；DNS-01 证书无需等待。',
    ),
  )
  return steps
}
