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

{{- define "safelight.tlsSecret" -}}
{{- default (printf "%s-ray-authority" (include "safelight.name" .)) .Values.rayTls.existingSecret -}}
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
{{- if .Values.rayTls.enabled }}
- name: RAY_USE_TLS
  value: "1"
- name: RAY_TLS_SERVER_CERT
  value: /tls/node.crt
- name: RAY_TLS_SERVER_KEY
  value: /tls/node.key
- name: RAY_TLS_CA_CERT
  value: /tls/ca.crt
{{- end }}
{{- end -}}

{{/*
Ray's processes reach each other by the pods' addresses, which a certificate must name, so it is made where the address
is known. The authority's key is seen by this container alone.
*/}}
{{- define "safelight.tlsInit" -}}
- name: certificate
  {{- include "safelight.image" . | nindent 2 }}
  command: [sh, -ec]
  args:
    - >-
      umask 077;
      cp /authority/tls.crt /tls/ca.crt;
      openssl req -x509 -CA /authority/tls.crt -CAkey /authority/tls.key -days 3650 -subj "/CN=$POD_IP"
      -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -keyout /tls/node.key -out /tls/node.crt
      -addext basicConstraints=critical,CA:FALSE
      -addext "subjectAltName=IP:$POD_IP,IP:127.0.0.1,DNS:localhost,DNS:{{ include "safelight.headService" . }},DNS:{{ include "safelight.headService" . }}.{{ .Release.Namespace }}.svc.cluster.local"
  env:
    - name: POD_IP
      valueFrom: {fieldRef: {fieldPath: status.podIP}}
  resources:
    requests: {cpu: 100m, memory: 32Mi}
    limits: {memory: 64Mi}
  securityContext:
    {{- include "safelight.security" . | nindent 4 }}
    readOnlyRootFilesystem: true
  volumeMounts:
    - {name: tls, mountPath: /tls}
    - {name: tls-authority, mountPath: /authority, readOnly: true}
{{- end -}}

{{- define "safelight.tlsVolumes" -}}
- name: tls
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
- name: tls-authority
  secret:
    secretName: {{ include "safelight.tlsSecret" . }}
    defaultMode: 288  # 0440
{{- end -}}

{{- define "safelight.tlsMount" -}}
- {name: tls, mountPath: /tls, readOnly: true}
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
{{- if .Values.rayTls.enabled }}
{{- include "safelight.tlsInit" . }}
{{ end -}}
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
    {{- if .Values.rayTls.enabled }}
    {{- include "safelight.tlsMount" . | nindent 4 }}
    {{- end }}
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
{{- if .Values.rayTls.enabled }}
{{ include "safelight.tlsVolumes" . }}
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
{{- if .Values.rayTls.enabled }}
{{ include "safelight.tlsMount" . }}
{{- end }}
{{- end -}}
