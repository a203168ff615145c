/** Manifests for Kubernetes, as a Kustomize base and an overlay. State lives in cloud services, never in the cluster. */
import { stringify } from 'yaml'
import { type BundleFacts, type BundleFile, file } from './bundle-facts.ts'

const PORT = 8080
/** What phones and people reach. Not "/": the functions' door /admin stays inside. */
const PUBLIC_PATHS = ['/v1', '/cloud', '/cloud-upload', '/http', '/console']
const LABELS = { app: 'sampan' }

export function kubernetesFiles(facts: BundleFacts): BundleFile[] {
  const base: Record<string, object> = {
    'config-map': configMap(facts),
    deployment: deployment(facts),
    gateway: gateway(facts),
    'horizontal-pod-autoscaler': autoscaler(facts),
    'http-route': httpRoute(facts),
    'network-policy': networkPolicy(),
    'pod-disruption-budget': disruptionBudget(),
    'reconcile-job': reconcileJob(),
    service: service(),
    'service-account': serviceAccount(),
  }
  const names = Object.keys(base).map((name) => `${name}.yaml`)
  return [
    ...Object.entries(base).map(([name, object]) => manifest(`kubernetes/base/${name}.yaml`, object)),
    manifest('kubernetes/base/kustomization.yaml', {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: names,
    }),
    manifest('kubernetes/production/kustomization.yaml', {
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      namespace: 'sampan',
      resources: ['../base', 'namespace.yaml'],
      images: [
        { name: 'sampan', newName: 'ccr.ccs.tencentyun.com/YOUR_NAMESPACE/sampan', digest: `sha256:${'0'.repeat(64)}` },
      ],
      secretGenerator: [{ name: 'sampan-secrets', envs: ['secrets.env'] }],
    }),
    manifest('kubernetes/production/namespace.yaml', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'sampan' },
    }),
    file('kubernetes/production/secrets.env', SECRETS, 0o600),
    manifest('kubernetes/optional/tke-ingress.yaml', tkeIngress(facts)),
    manifest('kubernetes/optional/event-scaler.yaml', eventScaler(facts)),
  ]
}

const manifest = (path: string, object: object) => file(path, stringify(object, { lineWidth: 0 }))

const SECRETS = `
# Filled in on your machine, never committed. DATABASE_URL and REDIS_URL point to cloud services in the same network.
DATABASE_URL=
REDIS_URL=
WECHAT_APP_ID=
WECHAT_SECRET=
SECRET_KEY=
`

function deployment(facts: BundleFacts) {
  const probe = (path: string) => ({ httpGet: { path, port: 'http' }, timeoutSeconds: 2 })
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'sampan', labels: LABELS },
    spec: {
      replicas: replicas(facts),
      revisionHistoryLimit: 5,
      selector: { matchLabels: LABELS },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
      template: {
        metadata: { labels: LABELS },
        spec: {
          serviceAccountName: 'sampan',
          automountServiceAccountToken: false,
          // Five seconds for the load balancer to look away, twenty for the server to drain.
          terminationGracePeriodSeconds: 40,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: 1000,
            fsGroup: 1000,
            seccompProfile: { type: 'RuntimeDefault' },
          },
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: 'topology.kubernetes.io/zone',
              whenUnsatisfiable: 'ScheduleAnyway',
              labelSelector: { matchLabels: LABELS },
            },
          ],
          containers: [
            {
              name: 'sampan',
              image: 'sampan',
              ports: [{ name: 'http', containerPort: PORT }],
              envFrom: [{ configMapRef: { name: 'sampan' } }, { secretRef: { name: 'sampan-secrets' } }],
              // A request is what it uses; no limit on CPU, which would throttle it while the node idles.
              resources: { requests: { cpu: '500m', memory: '384Mi' }, limits: { memory: '768Mi' } },
              startupProbe: { ...probe('/livez'), periodSeconds: 2, failureThreshold: 30 },
              livenessProbe: { ...probe('/livez'), periodSeconds: 10, failureThreshold: 3 },
              readinessProbe: { ...probe('/readyz'), periodSeconds: 3, failureThreshold: 2 },
              lifecycle: { preStop: { exec: { command: ['sleep', '5'] } } },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              volumeMounts: [
                { name: 'data', mountPath: '/data' },
                { name: 'tmp', mountPath: '/tmp' },
                { name: 'runtime', mountPath: '/srv/project/.sampan' },
              ],
            },
          ],
          volumes: [
            { name: 'data', emptyDir: {} },
            { name: 'tmp', emptyDir: {} },
            { name: 'runtime', emptyDir: {} },
          ],
        },
      },
    },
  }
}

const replicas = ({ result }: BundleFacts): number => Math.max(2, result.recommendation.instances)

const configMap = ({ domain }: BundleFacts) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'sampan', labels: LABELS },
  data: {
    DATA_DIR: '/data',
    HOST: '0.0.0.0',
    NODE_OPTIONS: '--max-old-space-size=384',
    PORT: String(PORT),
    PUBLIC_URL: `https://${domain}`,
  },
})

const service = () => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'sampan', labels: LABELS },
  spec: { selector: LABELS, ports: [{ name: 'http', port: 80, targetPort: 'http' }] },
})

const serviceAccount = () => ({
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'sampan', labels: LABELS },
  automountServiceAccountToken: false,
})

const autoscaler = (facts: BundleFacts) => ({
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'sampan', labels: LABELS },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'sampan' },
    minReplicas: 2,
    maxReplicas: Math.max(10, replicas(facts) * 4),
    metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } }],
    behavior: {
      scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
      scaleDown: { stabilizationWindowSeconds: 300, policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] },
    },
  },
})

const disruptionBudget = () => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'sampan', labels: LABELS },
  spec: { minAvailable: 1, selector: { matchLabels: LABELS } },
})

/** Gateway API: ingress-nginx is retired. Where TKE has no Gateway class yet, optional/tke-ingress.yaml stands in. */
const gateway = ({ domain }: BundleFacts) => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: { name: 'sampan', labels: LABELS },
  spec: {
    gatewayClassName: 'qcloud',
    listeners: [
      {
        name: 'https',
        hostname: domain,
        port: 443,
        protocol: 'HTTPS',
        tls: { mode: 'Terminate', certificateRefs: [{ name: 'sampan-tls' }] },
      },
    ],
  },
})

const httpRoute = ({ domain }: BundleFacts) => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name: 'sampan', labels: LABELS },
  spec: {
    parentRefs: [{ name: 'sampan' }],
    hostnames: [domain],
    rules: PUBLIC_PATHS.map((value) => ({
      matches: [{ path: { type: 'PathPrefix', value } }],
      backendRefs: [{ name: 'sampan', port: 80 }],
    })),
  },
})

const tkeIngress = ({ domain }: BundleFacts) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name: 'sampan', labels: LABELS, annotations: { 'kubernetes.io/ingress.class': 'qcloud' } },
  spec: {
    tls: [{ hosts: [domain], secretName: 'sampan-tls' }],
    rules: [
      {
        host: domain,
        http: {
          paths: PUBLIC_PATHS.map((path) => ({
            path,
            pathType: 'Prefix',
            backend: { service: { name: 'sampan', port: { number: 80 } } },
          })),
        },
      },
    ],
  },
})

const networkPolicy = () => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: { name: 'sampan', labels: LABELS },
  spec: {
    podSelector: { matchLabels: LABELS },
    policyTypes: ['Ingress'],
    ingress: [{ ports: [{ protocol: 'TCP', port: PORT }] }],
  },
})

/** One scheduler for the whole deployment: never two at once, and a late one is skipped. */
const reconcileJob = () => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name: 'sampan-check', labels: LABELS },
  spec: {
    schedule: '10 2 * * *',
    timeZone: 'Asia/Shanghai',
    concurrencyPolicy: 'Forbid',
    startingDeadlineSeconds: 600,
    jobTemplate: {
      spec: {
        backoffLimit: 2,
        template: {
          spec: {
            restartPolicy: 'Never',
            serviceAccountName: 'sampan',
            automountServiceAccountToken: false,
            securityContext: { runAsNonRoot: true, runAsUser: 1000 },
            containers: [
              {
                name: 'check',
                image: 'sampan',
                command: [
                  'node',
                  '-e',
                  "fetch('http://sampan/readyz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))",
                ],
                resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '128Mi' } },
              },
            ],
          },
        },
      },
    },
  },
})

/** KEDA's cron scaler: no autoscaler reacts within the seconds of a sale, a clock does. */
const eventScaler = (facts: BundleFacts) => ({
  apiVersion: 'keda.sh/v1alpha1',
  kind: 'ScaledObject',
  metadata: { name: 'sampan-event', labels: LABELS },
  spec: {
    scaleTargetRef: { name: 'sampan' },
    minReplicaCount: 2,
    maxReplicaCount: Math.max(10, replicas(facts) * 4),
    triggers: [
      {
        type: 'cron',
        metadata: {
          timezone: 'Asia/Shanghai',
          start: '45 19 * * 5',
          end: '30 20 * * 5',
          desiredReplicas: String(replicas(facts) * 2),
        },
      },
      { type: 'cpu', metricType: 'Utilization', metadata: { value: '60' } },
    ],
  },
})
