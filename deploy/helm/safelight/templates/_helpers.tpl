{{- define "safelight.name" -}}
{{- $name := ternary .Release.Name (printf "%s-safelight" .Release.Name) (contains "safelight" .Release.Name) -}}
{{- $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "safelight.labels" -}}
app.kubernetes.io/name: safelight
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* Of pods. KubeRay gives its pods an app.kubernetes.io/name of its own, so policies go by labels of ours. */}}
{{- define "safelight.part" -}}
safelight-release: {{ include "safelight.name" .root }}
safelight-part: {{ .part }}
{{- end -}}

{{- define "safelight.image" -}}
image: {{ printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- end -}}

{{- define "safelight.tokenSecret" -}}
{{- default (printf "%s-ray-token" (include "safelight.name" .)) .Values.rayToken.existingSecret -}}
{{- end -}}

{{- define "safelight.databaseSecret" -}}
{{- default (printf "%s-database" (include "safelight.name" .)) .Values.database.existingSecret -}}
{{- end -}}

{{- define "safelight.headService" -}}
{{ include "safelight.name" . }}-head-svc
{{- end -}}

{{/* What every process that knows Ray is told. */}}
{{- define "safelight.rayEnv" -}}
- name: RAY_AUTH_MODE
  value: token
- name: RAY_AUTH_TOKEN
  valueFrom:
    secretKeyRef: {name: {{ include "safelight.tokenSecret" . }}, key: {{ .Values.rayToken.key }}}
- name: RAY_USAGE_STATS_ENABLED
  value: "0"
- name: RAY_gcs_rpc_server_reconnect_timeout_s
  value: "600"
{{- end -}}

{{/* Where weights are that are not in the image. */}}
{{- define "safelight.modelsEnv" -}}
{{- if .Values.models.volume -}}
- name: HF_HOME
  value: /models
- name: HF_HUB_OFFLINE
  value: "1"
{{- end -}}
{{- end -}}

{{- define "safelight.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "safelight.security" -}}
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
{{- end -}}

{{/* Ray says there without the token that the node lives. Beside our own probes KubeRay adds none, which need wget. */}}
{{- define "safelight.rayHealth" -}}
httpGet: {path: /api/local_raylet_healthz, port: 52365}
{{- end -}}

{{/*
A Ray node without processors beside a process that speaks to the cluster. It is there first and goes last, so what is
drawn for a pod that ends is answered.
*/}}
{{- define "safelight.rayNode" -}}
- name: ray
  {{- include "safelight.image" . | nindent 2 }}
  restartPolicy: Always
  command: [sh, -c]
  args:
    - >-
      until ray start --address={{ include "safelight.headService" . }}:6379 --node-ip-address="$POD_IP"
      --num-cpus=0 --num-gpus=0 --block; do sleep 2; done
  env:
    {{- include "safelight.rayEnv" . | nindent 4 }}
    - name: POD_IP
      valueFrom: {fieldRef: {fieldPath: status.podIP}}
  startupProbe:
    {{- include "safelight.rayHealth" . | nindent 4 }}
    periodSeconds: 2
    failureThreshold: 300
  livenessProbe:
    {{- include "safelight.rayHealth" . | nindent 4 }}
    periodSeconds: 10
    timeoutSeconds: 5
    failureThreshold: 6
  resources:
    {{- toYaml .Values.api.ray.resources | nindent 4 }}
  securityContext:
    {{- include "safelight.security" . | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    - {name: shared-memory, mountPath: /dev/shm}
{{- end -}}

{{/* The process finds its node by the files and sockets in /tmp/ray, and shares objects with it in /dev/shm. */}}
{{- define "safelight.besideRay" -}}
- name: RAY_ADDRESS
  value: {{ include "safelight.headService" . }}:6379
{{ include "safelight.rayEnv" . }}
{{- end -}}

{{- define "safelight.settingsEnv" -}}
- name: SAFELIGHT_CONFIG
  value: /etc/safelight/safelight.toml
- name: SAFELIGHT_DATABASE
  valueFrom:
    secretKeyRef: {name: {{ include "safelight.databaseSecret" . }}, key: {{ .Values.database.key }}}
{{- with .Values.files.endpoint }}
- name: AWS_ENDPOINT_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.files.region }}
- name: AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- with .Values.files.existingSecret }}
{{- range list "AWS_ACCESS_KEY_ID" "AWS_SECRET_ACCESS_KEY" }}
- name: {{ . }}
  valueFrom:
    secretKeyRef: {name: {{ $.Values.files.existingSecret }}, key: {{ . }}}
{{- end }}
{{- end }}
{{- end -}}

{{- define "safelight.volumes" -}}
- name: settings
  configMap: {name: {{ include "safelight.name" . }}}
- name: data
  emptyDir: {}
- name: tmp
  emptyDir: {}
- name: shared-memory
  emptyDir: {medium: Memory, sizeLimit: 1Gi}
{{- with .Values.models.volume }}
- name: models
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "safelight.mounts" -}}
- {name: settings, mountPath: /etc/safelight, readOnly: true}
- {name: data, mountPath: /data}
- {name: tmp, mountPath: /tmp}
- {name: shared-memory, mountPath: /dev/shm}
{{- if .Values.models.volume }}
- {name: models, mountPath: /models, readOnly: true}
{{- end }}
{{- end -}}
