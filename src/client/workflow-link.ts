/** Makes links to workflows in Temporal's web UI; null where nobody says where that is. */
export function createWorkflowLink(
  uiUrl: string | undefined,
  namespace: string,
): (workflowId: string) => string | null {
  if (!uiUrl) return () => null;
  const base = `${uiUrl.replace(/\/+$/, "")}/namespaces/${namespace}/workflows`;
  return (workflowId) => `${base}/${encodeURIComponent(workflowId)}`;
}
