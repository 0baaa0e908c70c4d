output "keda_manifests" {
  description = "Room id -> the text of its KEDA manifest, for kubectl apply."
  value       = local.keda_manifests
}

output "runai_manifests" {
  description = "Room id -> the text of its Run:ai workload."
  value       = local.runai_manifests
}
