/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table of acts: what it is called in the audit, who may do it, what
 * it does.  docs/reference/audit-events.md lists the names.
 */
#include "daemon/ops/inside.h"

static const struct pn_act_row rows[PN_ACT_TOTAL] = {
    [PN_ACT_TOKEN_CREATE] = {"token.create", pn_auth_token_create,
                             pn_apply_token_create},
    [PN_ACT_TOKEN_EDIT] = {"token.edit", pn_auth_token_edit,
                           pn_apply_token_edit},
    [PN_ACT_TOKEN_REVOKE] = {"token.revoke", pn_auth_token_revoke,
                             pn_apply_token_revoke},
    [PN_ACT_TOKEN_DISABLE] = {"token.disable", pn_auth_token_edit,
                              pn_apply_token_disable},
    [PN_ACT_TOKEN_ENABLE] = {"token.enable", pn_auth_token_enable,
                             pn_apply_token_enable},
    [PN_ACT_TOKEN_ROTATE] = {"token.rotate", pn_auth_token_rotate,
                             pn_apply_token_rotate},
    [PN_ACT_TOKEN_OVERLAP_END] = {"token.overlap_end", pn_auth_token_edit,
                                  pn_apply_token_overlap_end},
    [PN_ACT_TOKEN_IMPORT] = {"token.import", pn_auth_token_import,
                             pn_apply_token_import},
    [PN_ACT_USER_CREATE] = {"user.create", pn_auth_users, pn_apply_user_create},
    [PN_ACT_USER_EDIT] = {"user.edit", pn_auth_users, pn_apply_user_edit},
    [PN_ACT_USER_DELETE] = {"user.delete", pn_auth_users, pn_apply_user_delete},
    [PN_ACT_USER_STOP] = {"user.stop", pn_auth_users, pn_apply_user_stop},
    [PN_ACT_GROUP_CREATE] = {"group.create", pn_auth_users,
                             pn_apply_group_create},
    [PN_ACT_GROUP_EDIT] = {"group.edit", pn_auth_users, pn_apply_group_edit},
    [PN_ACT_GROUP_DELETE] = {"group.delete", pn_auth_users,
                             pn_apply_group_delete},
    [PN_ACT_APP_CREATE] = {"app.create", pn_auth_policy, pn_apply_app_create},
    [PN_ACT_APP_EDIT] = {"app.edit", pn_auth_policy, pn_apply_app_edit},
    [PN_ACT_APP_DELETE] = {"app.delete", pn_auth_policy, pn_apply_app_delete},
    [PN_ACT_POLICY_PUT] = {"policy.put", pn_auth_policy, pn_apply_policy_put},
    [PN_ACT_POLICY_REVERT] = {"policy.revert", pn_auth_policy,
                              pn_apply_policy_revert},
    [PN_ACT_PASSWORD_CHANGE] = {"password.change", pn_auth_session,
                                pn_apply_password_change},
    [PN_ACT_HANDOVER_CREATE] = {"handover.create", pn_auth_users,
                                pn_apply_handover_create},
    [PN_ACT_HANDOVER_TAKE] = {"handover.take", pn_auth_handover_take,
                              pn_apply_handover_take},
    [PN_ACT_HANDOVER_WITHDRAW] = {"handover.withdraw",
                                  pn_auth_handover_withdraw,
                                  pn_apply_handover_withdraw},
    [PN_ACT_SIGN_IN] = {"session.open", pn_auth_anyone, pn_apply_sign_in},
    [PN_ACT_SIGN_OUT] = {"session.close", pn_auth_session, pn_apply_sign_out},
    [PN_ACT_SIGN_IN_REFUSED] = {"session.refused", pn_auth_anyone,
                                pn_apply_sign_in_refused},
    [PN_ACT_AUDIT_ERASE] = {"audit.erase", pn_auth_audit_erase,
                            pn_apply_audit_erase},
    [PN_ACT_AUDIT_TRIM] = {"audit.trim", pn_auth_anyone, pn_apply_audit_trim},
    [PN_ACT_AUDIT_SENT] = {NULL, pn_auth_anyone, pn_apply_audit_sent},
    [PN_ACT_USES] = {NULL, pn_auth_anyone, pn_apply_uses},
    [PN_ACT_SUPERSEDED_USED] = {"token.superseded_used", pn_auth_anyone,
                                pn_apply_never},
    [PN_ACT_UNUSED] = {NULL, pn_auth_anyone, pn_apply_unused},
    [PN_ACT_UNUSED_NOTICE] = {"token.unused_notice", pn_auth_anyone,
                              pn_apply_never},
    [PN_ACT_UNUSED_DISABLE] = {"token.unused_disable", pn_auth_anyone,
                               pn_apply_never},
    [PN_ACT_UNUSED_LIFT] = {"token.unused_lift", pn_auth_anyone,
                            pn_apply_never},
    [PN_ACT_INDEX_REBUILD] = {"index.rebuild", pn_auth_index,
                              pn_apply_index_rebuild},
    [PN_ACT_SESSION_SEEN] = {NULL, pn_auth_anyone, pn_apply_session_seen},
};

const struct pn_act_row *
pn_act_row(unsigned act)
{
    return act < PN_ACT_TOTAL && rows[act].apply != NULL ? &rows[act] : NULL;
}
