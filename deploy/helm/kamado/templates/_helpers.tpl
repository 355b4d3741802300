{{/* Every object's name begins with it. */}}
{{- define "kamado.name" -}}
{{ .Release.Name | trunc 48 | trimSuffix "-" }}
{{- end }}

{{/* What selects the release's pods. Never to be changed: selectors are immutable. */}}
{{- define "kamado.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: server
{{- end }}

{{/* The labels of an object: a list of the root context and what it is a component of. */}}
{{- define "kamado.labels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* A setting as text: JSON writes numbers without an exponent, which an integer would not admit. */}}
{{- define "kamado.text" -}}
{{ kindIs "string" . | ternary . (toJson .) }}
{{- end }}

{{/* Seconds until routers have heard that a pod stops; only then the drain begins. */}}
{{- define "kamado.preStopSeconds" -}}5{{- end }}

{{/* The wait above, the drain, and 25 s for what is still to be sent and a margin. */}}
{{- define "kamado.graceSeconds" -}}
{{ add (include "kamado.preStopSeconds" .) (ceil (.Values.settings.drain_timeout_s | default 30)) 25 }}
{{- end }}

{{/* The Secret that holds the API keys; empty: there are none. */}}
{{- define "kamado.apiKeysSecret" -}}
{{- with .Values.apiKeys -}}
{{- if and .secret .keys }}{{ fail "apiKeys.secret and apiKeys.keys are both set; keep one." }}{{ end -}}
{{- if .keys }}{{ include "kamado.name" $ }}-api-keys{{ else }}{{ .secret }}{{ end -}}
{{- end -}}
{{- end }}
