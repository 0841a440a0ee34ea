/* SPDX-License-Identifier: Apache-2.0 */
/* Rows 12 and 13 of the decision table: what the path and method allow. */
#include "base/cursor.h"
#include "base/str.h"
#include "core/decision_row.h"
#include "core/target.h"

/* The target as patterns see it. */
struct view {
    const struct pn_request *request;
    const struct pn_app_record *app;
    const struct pn_rules_record *rules; /* NULL = none */
    enum pn_ambiguity ambiguity;
    bool outside;           /* not below the app's context path */
    struct pn_str path;     /* when canonical and not outside */
    struct pn_str sub_path; /* likewise; empty = none */
    bool by_method;         /* a pattern that fitted names methods */
};

/*
 * What patterns are held against.  An encoded slash counts as literal only
 * where the application gets the client's own bytes: nginx decodes it when it
 * forwards a path of its own.
 */
static void
judge_target(struct view *v, struct pn_buf *buf)
{
    const struct pn_request *request = v->request;
    const struct pn_app_record *app = v->app;
    enum pn_slash_policy slashes = PN_SLASH_AMBIGUOUS;

    if (app->encoded_slash == PN_APP_SLASH_ALLOWED && !request->rewritten) {
        slashes = PN_SLASH_LITERAL;
    }
    v->ambiguity = pn_target_path(request->target, slashes, buf);
    if (v->ambiguity == PN_TARGET_CANONICAL && request->sub_path.len > 0) {
        v->ambiguity = pn_target_judge_decoded(request->sub_path);
    }
    if (v->ambiguity != PN_TARGET_CANONICAL) {
        return;
    }
    v->outside = !pn_target_below(pn_buf_str(buf), app->context_path, &v->path)
                 || (request->sub_path.len > 0
                     && !pn_target_below(request->sub_path, app->context_path,
                                         &v->sub_path));
}

/* path is unused when the target is ambiguous. */
static bool
pattern_fits(struct view *v, const struct pn_pathpat *pattern,
             struct pn_str path)
{
    if (v->ambiguity != PN_TARGET_CANONICAL) {
        /* Nobody can say whether it lies below a context path. */
        if (!pattern->everything || v->app->context_path.len > 0) {
            return false;
        }
        path = PN_STR("/");
    }
    if (!pn_pathpat_matches(pattern, v->request->method, path)) {
        return false;
    }
    v->by_method |= pattern->methods.len > 0;
    return true;
}

static bool
list_fits(struct view *v, const struct pn_pathpat *list, uint16_t count,
          struct pn_str path)
{
    for (uint16_t i = 0; i < count; i++) {
        if (pattern_fits(v, &list[i], path)) {
            return true;
        }
    }
    return false;
}

static bool
app_list_fits(struct view *v, const struct pn_pathpat *list, uint16_t count)
{
    return list_fits(v, list, count, v->path)
           && (v->sub_path.len == 0 || list_fits(v, list, count, v->sub_path));
}

/* A token's own patterns are few and taken apart where they lie. */
static bool
token_path_fits(struct view *v, struct pn_str path)
{
    const struct pn_rules_record *rules = v->rules;
    struct pn_cursor cur = pn_cursor_from(rules->paths.ptr, rules->paths.len);

    for (uint16_t i = 0; i < rules->path_count; i++) {
        struct pn_str text = pn_cursor_str16(&cur);
        struct pn_pathpat pattern;

        if (text.len == 0) {
            return false; /* what decodes has none such */
        }
        pattern = pn_pathpat_checked(text);
        if (pattern_fits(v, &pattern, path)) {
            return true;
        }
    }
    return false;
}

static bool
token_list_fits(struct view *v)
{
    return token_path_fits(v, v->path)
           && (v->sub_path.len == 0 || token_path_fits(v, v->sub_path));
}

/* Row 12. */
static enum pn_row
row_path(struct view *v, struct pn_decision *out)
{
    const struct pn_app_record *app = v->app;
    const struct pn_rules_record *rules = v->rules;
    enum pn_where where;

    if (v->outside || !app_list_fits(v, app->paths, app->path_count)) {
        where = PN_WHERE_APP;
    } else if (rules != NULL && rules->has_paths && !token_list_fits(v)) {
        where = PN_WHERE_TOKEN;
    } else {
        return PN_ROW_NEXT;
    }
    if (v->ambiguity == PN_TARGET_CANONICAL) {
        return pn_row_refuse(out, where, 403, PN_REASON_PATH_NOT_ALLOWED);
    }
    out->ambiguity = v->ambiguity;
    return pn_row_refuse(out, where, 400, PN_REASON_PATH_AMBIGUOUS);
}

/* Row 13. */
static enum pn_row
row_read_only(const struct pn_case *c, struct view *v, struct pn_decision *out)
{
    static const struct pn_str safe[] = {
        {"GET", 3}, {"HEAD", 4}, {"OPTIONS", 7}};
    const struct pn_app_record *app = v->app;
    bool by_policy = c->facts->policy->read_only;

    if (!by_policy && c->facts->token->access == PN_ACCESS_READ_WRITE) {
        return PN_ROW_NEXT;
    }
    v->by_method = true;
    for (size_t i = 0; i < PN_LEN(safe); i++) {
        if (pn_str_eq(v->request->method, safe[i])) {
            return PN_ROW_NEXT;
        }
    }
    if (app_list_fits(v, app->reads, app->read_count)) {
        return PN_ROW_NEXT;
    }
    return pn_row_refuse(out, by_policy ? PN_WHERE_POLICY : PN_WHERE_TOKEN, 403,
                         PN_REASON_READ_ONLY_TOKEN);
}

enum pn_row
pn_row_path(const struct pn_case *c, struct pn_decision *out)
{
    char path[PN_TARGET_MAX];
    struct pn_buf buf = PN_BUF(path);
    struct view v = {
        .request = c->request,
        .app = c->facts->app,
        .rules = c->facts->rules,
    };

    judge_target(&v, &buf);
    if (row_path(&v, out) == PN_ROW_ANSWERED
        || row_read_only(c, &v, out) == PN_ROW_ANSWERED)
    {
        return PN_ROW_ANSWERED;
    }
    out->by_method = v.by_method;
    return PN_ROW_NEXT;
}
