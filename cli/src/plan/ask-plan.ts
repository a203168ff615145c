/** The few questions that decide most, each with its reason. Asked only in a terminal, and only what no flag has said. */
import { cancel, intro, isCancel, multiselect, outro, select, text } from '@clack/prompts'
import { APP_TYPE_IDS, APP_TYPES, FEATURES, type FeatureId } from '@sampan/planner'
import { CommandError } from '../command.ts'

type Language = 'zh' | 'en'

/** What changes the answer most often; everything else has a flag. */
const ASKED_FEATURES: readonly FeatureId[] = ['upload', 'pay', 'im', 'cron', 'flash-sale', 'transcode', 'two-zones']

export async function askPlan(known: Record<string, unknown>, lang: Language): Promise<Record<string, unknown>> {
  const say = (en: string, zh: string) => (lang === 'zh' ? zh : en)
  const answers: Record<string, unknown> = { ...known }
  intro(say('Is one light server enough?', '一台轻量服务器够不够?'))

  if (answers['type'] === undefined) {
    answers['type'] = answered(
      await select({
        message: say(
          'What is it? It decides how many requests a visit makes.',
          '是什么应用?它决定一次访问有多少请求。',
        ),
        options: APP_TYPE_IDS.map((value) => ({
          value,
          label: APP_TYPES[value].name[lang],
          hint: APP_TYPES[value].why[lang],
        })),
        initialValue: 'shop' as const,
      }),
      lang,
    )
  }
  if (answers['dau'] === undefined) {
    answers['dau'] = await askNumber(
      say('How many different people a day, a year from now?', '一年后的日活大约多少?'),
      say('5000 is a good guess for a start.', '不确定可先填 5000。'),
      '5000',
      lang,
    )
  }
  if (answers['features'] === undefined) {
    answers['features'] = answered(
      await multiselect({
        message: say('What does it do? (space to choose)', '有哪些功能?(空格选择)'),
        options: ASKED_FEATURES.map((value) => ({
          value,
          label: FEATURES[value].name[lang],
          hint: FEATURES[value].what[lang],
        })),
        required: false,
      }),
      lang,
    )
  }
  if (answers['images'] === undefined) {
    answers['images'] = answered(
      await select({
        message: say(
          'Who sends the images? On a small line this matters more than anything else.',
          '图片由谁发送?小带宽下这一条最要紧。',
        ),
        options: [
          { value: 'cdn', label: say('COS and CDN', 'COS + CDN') },
          { value: 'server', label: say('This server', '本服务器') },
        ],
      }),
      lang,
    )
  }
  outro(say('Computing…', '计算中…'))
  return answers
}

async function askNumber(message: string, hint: string, usual: string, lang: Language): Promise<number> {
  const value = await text({
    message,
    placeholder: `${usual}  ${hint}`,
    defaultValue: usual,
    validate: (word) => {
      const isFine = !word || (/^\d+$/.test(word) && Number(word) > 0)
      return isFine ? undefined : lang === 'zh' ? '请输入正整数。' : 'A whole number above zero, please.'
    },
  })
  return Number(answered(value, lang))
}

/** Ctrl-C in a question is a decision, not a failure of ours. */
function answered<T>(value: T | symbol, lang: Language): T {
  if (!isCancel(value)) return value as T // safe: isCancel took the only symbol away
  cancel(lang === 'zh' ? '已取消。' : 'Cancelled.')
  throw new CommandError(lang === 'zh' ? '已取消。' : 'Cancelled.')
}
