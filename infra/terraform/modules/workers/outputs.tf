output "keda_manifests" {
  description = "Room id -> the text of its KEDA manifest, for kubectl apply."
  value       = local.manifests["keda"]
}

output "runai_manifests" {
  description = "Room id -> the text of its Run:ai workload."
  value       = local.manifests["runai"]
}
