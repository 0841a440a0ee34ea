/* SPDX-License-Identifier: Apache-2.0 */
/* Stand-ins for functions of nginx that the module calls; the names are the
 * linker's (--wrap). */
#include "faults.h"

#include <ngx_config.h>

#include <ngx_core.h>
#include <ngx_http.h>

/* NOLINTBEGIN(bugprone-reserved-identifier) */

void *__real_ngx_palloc(ngx_pool_t *pool, size_t size);
void *__wrap_ngx_palloc(ngx_pool_t *pool, size_t size);

void *
__wrap_ngx_palloc(ngx_pool_t *pool, size_t size)
{
    return faults_hit() ? NULL : __real_ngx_palloc(pool, size);
}

void *__real_ngx_pnalloc(ngx_pool_t *pool, size_t size);
void *__wrap_ngx_pnalloc(ngx_pool_t *pool, size_t size);

void *
__wrap_ngx_pnalloc(ngx_pool_t *pool, size_t size)
{
    return faults_hit() ? NULL : __real_ngx_pnalloc(pool, size);
}

void *__real_ngx_pcalloc(ngx_pool_t *pool, size_t size);
void *__wrap_ngx_pcalloc(ngx_pool_t *pool, size_t size);

void *
__wrap_ngx_pcalloc(ngx_pool_t *pool, size_t size)
{
    return faults_hit() ? NULL : __real_ngx_pcalloc(pool, size);
}

ngx_pool_cleanup_t *__real_ngx_pool_cleanup_add(ngx_pool_t *pool, size_t size);
ngx_pool_cleanup_t *__wrap_ngx_pool_cleanup_add(ngx_pool_t *pool, size_t size);

ngx_pool_cleanup_t *
__wrap_ngx_pool_cleanup_add(ngx_pool_t *pool, size_t size)
{
    return faults_hit() ? NULL : __real_ngx_pool_cleanup_add(pool, size);
}

void *__real_ngx_array_push(ngx_array_t *array);
void *__wrap_ngx_array_push(ngx_array_t *array);

void *
__wrap_ngx_array_push(ngx_array_t *array)
{
    return faults_hit() ? NULL : __real_ngx_array_push(array);
}

void *__real_ngx_list_push(ngx_list_t *list);
void *__wrap_ngx_list_push(ngx_list_t *list);

void *
__wrap_ngx_list_push(ngx_list_t *list)
{
    return faults_hit() ? NULL : __real_ngx_list_push(list);
}

ngx_buf_t *__real_ngx_create_temp_buf(ngx_pool_t *pool, size_t size);
ngx_buf_t *__wrap_ngx_create_temp_buf(ngx_pool_t *pool, size_t size);

ngx_buf_t *
__wrap_ngx_create_temp_buf(ngx_pool_t *pool, size_t size)
{
    return faults_hit() ? NULL : __real_ngx_create_temp_buf(pool, size);
}

void *__real_ngx_slab_alloc(ngx_slab_pool_t *pool, size_t size);
void *__wrap_ngx_slab_alloc(ngx_slab_pool_t *pool, size_t size);

void *
__wrap_ngx_slab_alloc(ngx_slab_pool_t *pool, size_t size)
{
    return faults_hit() ? NULL : __real_ngx_slab_alloc(pool, size);
}

void *__real_ngx_slab_calloc(ngx_slab_pool_t *pool, size_t size);
void *__wrap_ngx_slab_calloc(ngx_slab_pool_t *pool, size_t size);

void *
__wrap_ngx_slab_calloc(ngx_slab_pool_t *pool, size_t size)
{
    return faults_hit() ? NULL : __real_ngx_slab_calloc(pool, size);
}

ngx_shm_zone_t *__real_ngx_shared_memory_add(ngx_conf_t *cf, ngx_str_t *name,
                                             size_t size, void *tag);
ngx_shm_zone_t *__wrap_ngx_shared_memory_add(ngx_conf_t *cf, ngx_str_t *name,
                                             size_t size, void *tag);

ngx_shm_zone_t *
__wrap_ngx_shared_memory_add(ngx_conf_t *cf, ngx_str_t *name, size_t size,
                             void *tag)
{
    return faults_hit() ? NULL
                        : __real_ngx_shared_memory_add(cf, name, size, tag);
}

ngx_http_variable_t *
__real_ngx_http_add_variable(ngx_conf_t *cf, ngx_str_t *name, ngx_uint_t flags);
ngx_http_variable_t *
__wrap_ngx_http_add_variable(ngx_conf_t *cf, ngx_str_t *name, ngx_uint_t flags);

ngx_http_variable_t *
__wrap_ngx_http_add_variable(ngx_conf_t *cf, ngx_str_t *name, ngx_uint_t flags)
{
    return faults_hit() ? NULL : __real_ngx_http_add_variable(cf, name, flags);
}

ngx_int_t __real_ngx_http_get_variable_index(ngx_conf_t *cf, ngx_str_t *name);
ngx_int_t __wrap_ngx_http_get_variable_index(ngx_conf_t *cf, ngx_str_t *name);

ngx_int_t
__wrap_ngx_http_get_variable_index(ngx_conf_t *cf, ngx_str_t *name)
{
    return faults_hit() ? NGX_ERROR
                        : __real_ngx_http_get_variable_index(cf, name);
}

ngx_http_variable_value_t *
__real_ngx_http_get_flushed_variable(ngx_http_request_t *r, ngx_uint_t index);
ngx_http_variable_value_t *
__wrap_ngx_http_get_flushed_variable(ngx_http_request_t *r, ngx_uint_t index);

ngx_http_variable_value_t *
__wrap_ngx_http_get_flushed_variable(ngx_http_request_t *r, ngx_uint_t index)
{
    return faults_hit() ? NULL : __real_ngx_http_get_flushed_variable(r, index);
}

ngx_http_variable_value_t *__real_ngx_http_get_variable(ngx_http_request_t *r,
                                                        ngx_str_t *name,
                                                        ngx_uint_t key);
ngx_http_variable_value_t *__wrap_ngx_http_get_variable(ngx_http_request_t *r,
                                                        ngx_str_t *name,
                                                        ngx_uint_t key);

ngx_http_variable_value_t *
__wrap_ngx_http_get_variable(ngx_http_request_t *r, ngx_str_t *name,
                             ngx_uint_t key)
{
    return faults_hit() ? NULL : __real_ngx_http_get_variable(r, name, key);
}

ngx_int_t __real_ngx_http_discard_request_body(ngx_http_request_t *r);
ngx_int_t __wrap_ngx_http_discard_request_body(ngx_http_request_t *r);

ngx_int_t
__wrap_ngx_http_discard_request_body(ngx_http_request_t *r)
{
    return faults_hit() ? NGX_HTTP_INTERNAL_SERVER_ERROR
                        : __real_ngx_http_discard_request_body(r);
}

ngx_int_t __real_ngx_http_send_header(ngx_http_request_t *r);
ngx_int_t __wrap_ngx_http_send_header(ngx_http_request_t *r);

ngx_int_t
__wrap_ngx_http_send_header(ngx_http_request_t *r)
{
    return faults_hit() ? NGX_ERROR : __real_ngx_http_send_header(r);
}

/* NOLINTEND(bugprone-reserved-identifier) */
