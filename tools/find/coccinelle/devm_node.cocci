// SPDX-License-Identifier: GPL-2.0-only
/// A cdev, miscdevice, video_device or media_device in memory that
/// devm_kzalloc() allocated is freed when the driver is unbound. Files that
/// are open then reach it afterwards: close() alone is enough.
///
/// See Documentation/driver-api/driver-model/cdevm-conversion.rst.
///
// Confidence: High
// Comments: A struct is known to have a node in it where the node is published
//  or initialised in the same file. In patch mode only what is the same in
//  every driver is changed: what is left in ->remove(), waits, and the
//  Kconfig option need a person.
// Options: --no-includes --include-headers

virtual patch
virtual context
virtual org
virtual report

@node@
identifier T, member;
struct T *x;
@@

(
 misc_register(&x->member)
|
 cdev_init(&x->member, ...)
|
 cdev_add(&x->member, ...)
|
 cdev_device_add(&x->member, ...)
|
 video_register_device(&x->member, ...)
|
 media_device_init(&x->member)
|
 media_device_register(&x->member)
)

@alloc@
identifier node.T;
struct T *y;
position p;
@@

(
 y = devm_kzalloc@p(...)
|
 y = devm_kmalloc@p(...)
|
 y = devm_kcalloc@p(...)
|
 y = devm_kmemdup@p(...)
)

@depends on context@
identifier node.T;
struct T *y;
position alloc.p;
@@

(
* y = devm_kzalloc@p(...)
|
* y = devm_kmalloc@p(...)
|
* y = devm_kcalloc@p(...)
|
* y = devm_kmemdup@p(...)
)

// What can be changed without looking: a misc device, allocated in one line.
@misc depends on patch@
identifier T, member;
struct T *x;
@@

- misc_register(&x->member)
+ cdevm_register_misc(&x->scope, &x->member)

@depends on patch@
identifier misc.T, misc.member;
struct T *x;
@@

- misc_deregister(&x->member);

@depends on patch@
identifier misc.T;
struct T *y;
expression dev, size, flags;
statement S;
@@

- y = devm_kzalloc(dev, size, flags);
- if (!y)
+ y = devm_cdevm_alloc(dev, struct T, scope);
+ if (IS_ERR(y))
  S

@depends on patch@
identifier misc.T;
@@

 struct T {
+	struct cdevm_scope scope;
 	...
 };

@script:python depends on org@
p << alloc.p;
T << node.T;
member << node.member;
@@

msg = "struct %s with %s is freed at unbind" % (T, member)
coccilib.org.print_todo(p[0], msg)

@script:python depends on report@
p << alloc.p;
T << node.T;
member << node.member;
@@

msg = "WARNING: struct %s is freed at unbind, with %s in it, which an open file reaches" % (T, member)
coccilib.report.print_report(p[0], msg)
