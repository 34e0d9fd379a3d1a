{{/* The pod of a head or of a host. `pod` has its resources and where it may run; with `gpu` it has a GPU. */}}
{{- define "safelight.rayPod" -}}
{{- $root := .root -}}
enableServiceLinks: false
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if eq .container "ray-worker" }}
automountServiceAccountToken: false
{{- end }}
terminationGracePeriodSeconds: 60
securityContext:
  {{- include "safelight.podSecurity" $root | nindent 2 }}
{{- if $root.Values.rayTls.enabled }}
initContainers:
  {{- include "safelight.tlsInit" $root | nindent 2 }}
{{- end }}
containers:
  - name: {{ .container }}
    {{- include "safelight.image" $root | nindent 4 }}
    env:
      {{- include "safelight.rayEnv" $root | nindent 6 }}
      {{- with include "safelight.modelsEnv" $root }}{{ . | nindent 6 }}{{ end }}
    {{- if eq .container "ray-head" }}
    ports:
      - {name: gcs-server, containerPort: 6379}
      - {name: metrics, containerPort: 8080}
    {{- end }}
    startupProbe:
      {{- include "safelight.rayHealth" $root | nindent 6 }}
      periodSeconds: 2
      failureThreshold: 150
    livenessProbe:
      {{- include "safelight.rayHealth" $root | nindent 6 }}
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 12
    readinessProbe:
      {{- include "safelight.rayHealth" $root | nindent 6 }}
      periodSeconds: 10
      timeoutSeconds: 5
    resources:
      {{- $resources := deepCopy .pod.resources }}
      {{- if .gpu }}
      {{- $_ := set $resources "limits" (merge (dict "nvidia.com/gpu" 1) ($resources.limits | default dict)) }}
      {{- end }}
      {{- toYaml $resources | nindent 6 }}
    securityContext:
      {{- include "safelight.security" $root | nindent 6 }}
    volumeMounts:
      - {name: data, mountPath: /data}
      - {name: tmp, mountPath: /tmp}
      - {name: shared-memory, mountPath: /dev/shm}
      {{- if $root.Values.models.volume }}
      - {name: models, mountPath: /models, readOnly: true}
      {{- end }}
      {{- if $root.Values.rayTls.enabled }}
      {{- include "safelight.tlsMount" $root | nindent 6 }}
      {{- end }}
volumes:
  - name: data
    {{- toYaml (.pod.dataVolume | default (dict "emptyDir" dict)) | nindent 4 }}
  - name: tmp
    emptyDir: {}
  - name: shared-memory
    emptyDir: {medium: Memory, sizeLimit: 2Gi}
  {{- with $root.Values.models.volume }}
  - name: models
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $root.Values.rayTls.enabled }}
  {{- include "safelight.tlsVolumes" $root | nindent 2 }}
  {{- end }}
{{- with .pod.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .pod.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
