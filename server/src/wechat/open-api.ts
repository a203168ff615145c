/** How an API is called: JSON in and out, a file in, or a file out. */
export type OpenApi = {
  method: 'GET' | 'POST'
  path: string
  kind: 'json' | 'media' | 'binary'
  /** Parameters that WeChat spells in camelCase, by the snake_case that the SDK makes of every name. */
  renamed?: Readonly<Record<string, string>>
}

const post = (path: string): OpenApi => ({ method: 'POST', path, kind: 'json' })
const get = (path: string): OpenApi => ({ method: 'GET', path, kind: 'json' })
const upload = (path: string): OpenApi => ({ method: 'POST', path, kind: 'media' })
/** The one family of APIs with names such as `kidList`. */
const template = (path: string): OpenApi => ({ ...post(path), renamed: TEMPLATE_NAMES })
const TEMPLATE_NAMES = { kid_list: 'kidList', scene_desc: 'sceneDesc', pri_tmpl_id: 'priTmplId' }
const image = (path: string): OpenApi => ({ method: 'POST', path, kind: 'binary' })

/**
 * `cloud.openapi.<name>` in a function → the API of WeChat that it means.
 *
 * Old and new spellings stand side by side where functions in the wild use both.
 *
 * @see https://developers.weixin.qq.com/miniprogram/dev/OpenApiDoc/ — each page names its path and its cloud method
 */
// biome-ignore format: a table keeps its columns
export const OPEN_APIS: Readonly<Record<string, OpenApi>> = {
  // messages
  'subscribeMessage.send':                       post('/cgi-bin/message/subscribe/send'),
  'subscribeMessage.addTemplate':                template('/wxaapi/newtmpl/addtemplate'),
  'subscribeMessage.deleteTemplate':             template('/wxaapi/newtmpl/deltemplate'),
  'subscribeMessage.getCategory':                get('/wxaapi/newtmpl/getcategory'),
  'subscribeMessage.getTemplateList':            get('/wxaapi/newtmpl/gettemplate'),
  'subscribeMessage.getPubTemplateTitleList':    get('/wxaapi/newtmpl/getpubtemplatetitles'),
  'subscribeMessage.getPubTemplateKeyWordsById': get('/wxaapi/newtmpl/getpubtemplatekeywords'),
  'customerServiceMessage.send':                 post('/cgi-bin/message/custom/send'),
  'customerServiceMessage.setTyping':            post('/cgi-bin/message/custom/typing'),
  'customerServiceMessage.uploadTempMedia':      upload('/cgi-bin/media/upload'),
  'customerServiceMessage.getTempMedia':         { method: 'GET', path: '/cgi-bin/media/get', kind: 'binary' },
  'uniformMessage.send':                         post('/cgi-bin/message/wxopen/template/uniform_send'),
  'templateMessage.send':                        post('/cgi-bin/message/wxopen/template/send'),
  'templateMessage.getTemplateList':             post('/cgi-bin/wxopen/template/list'),
  'templateMessage.addTemplate':                 post('/cgi-bin/wxopen/template/add'),
  'templateMessage.deleteTemplate':              post('/cgi-bin/wxopen/template/del'),
  'updatableMessage.createActivityId':           get('/cgi-bin/message/wxopen/activityid/create'),
  'updatableMessage.setUpdatableMsg':            post('/cgi-bin/message/wxopen/updatablemsg/send'),

  // codes and links
  'wxacode.get':                                 image('/wxa/getwxacode'),
  'wxacode.getUnlimited':                        image('/wxa/getwxacodeunlimit'),
  'wxacode.createQRCode':                        image('/cgi-bin/wxaapp/createwxaqrcode'),
  'urlscheme.generate':                          post('/wxa/generatescheme'),
  'urlscheme.query':                             post('/wxa/queryscheme'),
  'urllink.generate':                            post('/wxa/generate_urllink'),
  'urllink.query':                               post('/wxa/query_urllink'),
  'shortlink.generate':                          post('/wxa/genwxashortlink'),

  // security
  'security.msgSecCheck':                        post('/wxa/msg_sec_check'),
  'security.imgSecCheck':                        upload('/wxa/img_sec_check'),
  'security.mediaCheckAsync':                    post('/wxa/media_check_async'),
  'riskControl.getUserRiskRank':                 post('/wxa/getuserriskrank'),

  // users
  'phonenumber.getPhoneNumber':                  post('/wxa/business/getuserphonenumber'),
  'auth.checkSessionKey':                        get('/wxa/checksession'),
  'auth.resetUserSessionKey':                    get('/wxa/resetusersessionkey'),
  'auth.checkEncryptedData':                     post('/wxa/business/checkencryptedmsg'),
  'auth.getPaidUnionId':                         get('/wxa/getpaidunionid'),

  // statistics
  'analysis.getDailySummary':                    post('/datacube/getweanalysisappiddailysummarytrend'),
  'analysis.getDailyVisitTrend':                 post('/datacube/getweanalysisappiddailyvisittrend'),
  'analysis.getDailyRetain':                     post('/datacube/getweanalysisappiddailyretaininfo'),
  'analysis.getUserPortrait':                    post('/datacube/getweanalysisappiduserportrait'),
  'analysis.getVisitDistribution':               post('/datacube/getweanalysisappidvisitdistribution'),
  'analysis.getVisitPage':                       post('/datacube/getweanalysisappidvisitpage'),

  // images and text
  'img.aiCrop':                                  upload('/cv/img/aicrop'),
  'img.scanQRCode':                              upload('/cv/img/qrcode'),
  'img.superresolution':                         upload('/cv/img/superresolution'),
  'ocr.bankcard':                                upload('/cv/ocr/bankcard'),
  'ocr.businessLicense':                         upload('/cv/ocr/bizlicense'),
  'ocr.driverLicense':                           upload('/cv/ocr/drivinglicense'),
  'ocr.idcard':                                  upload('/cv/ocr/idcard'),
  'ocr.printedText':                             upload('/cv/ocr/comm'),
  'ocr.vehicleLicense':                          upload('/cv/ocr/driving'),

  // search, logistics, live, plug-ins
  'search.submitPages':                          post('/wxa/search/wxaapi_submitpages'),
  'search.siteSearch':                           post('/wxa/sitesearch'),
  'search.imageSearch':                          upload('/wxa/imagesearch'),
  'logistics.addOrder':                          post('/cgi-bin/express/business/order/add'),
  'logistics.cancelOrder':                       post('/cgi-bin/express/business/order/cancel'),
  'logistics.getAllDelivery':                    get('/cgi-bin/express/business/delivery/getall'),
  'logistics.getOrder':                          post('/cgi-bin/express/business/order/get'),
  'logistics.getPath':                           post('/cgi-bin/express/business/path/get'),
  'logistics.getQuota':                          post('/cgi-bin/express/business/quota/get'),
  'pluginManager.managePlugin':                  post('/wxa/plugin'),
  'nearbyPoi.add':                               post('/wxa/addnearbypoi'),
  'nearbyPoi.delete':                            post('/wxa/delnearbypoi'),
  'nearbyPoi.getList':                           get('/wxa/getnearbypoilist'),
  'nearbyPoi.setShowStatus':                     post('/wxa/setnearbypoishowstatus'),
  'operation.getFeedback':                       get('/wxaapi/feedback/list'),
  'operation.realtimelogSearch':                 get('/wxaapi/userlog/userlog_search'),
  'livebroadcast.getLiveInfo':                   post('/wxa/business/getliveinfo'),
  'serviceMarket.invokeService':                 post('/wxa/servicemarket'),
  'immediateDelivery.getAllImmeDelivery':        post('/cgi-bin/express/local/business/delivery/getall'),

  // the linked official account
  'officialAccount.getUserInfo':                 get('/cgi-bin/user/info'),
  'officialAccount.material.batchgetMaterial':   post('/cgi-bin/material/batchget_material'),
  'officialAccount.material.getMaterialcount':   get('/cgi-bin/material/get_materialcount'),
}

/** Finds what `cloud.openapi.a.b` means; undefined if it is not in the table. */
export function findOpenApi(name: string): OpenApi | undefined {
  const short = apiShortName(name)
  return Object.hasOwn(OPEN_APIS, short) ? OPEN_APIS[short] : undefined
}

/** Without the leading `openapi.` that the SDK sends. */
export const apiShortName = (name: string): string => name.replace(/^openapi\./, '')
