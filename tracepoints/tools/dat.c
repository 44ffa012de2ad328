// SPDX-License-Identifier: GPL-2.0
/*
 * resmgr-trace: trace-cmd files
 *
 * They are read by libtracecmd and printed by libtraceevent, into text that is
 * read like any other. A child does it: the libraries trust the file, and when
 * they stumble over a damaged one, what is left to be seen is an error message.
 */
#include <errno.h>

#include "trace.h"

static const unsigned char magic[] = {
	0x17, 0x08, 0x44, 't', 'r', 'a', 'c', 'i', 'n', 'g',
};

/* Leaves a file that is none at its beginning. Does not need to seek. */
bool dat_is(FILE *in)
{
	int c = getc(in);

	if (c != EOF)
		ungetc(c, in);
	return c == magic[0];
}

#ifdef HAVE_TRACECMD
#include <ctype.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/wait.h>
#include <trace-cmd.h>
#include <unistd.h>

enum { OK, NOT_OPENED, NOT_READ };

/* More than the largest file needs: a damaged one may keep a library going. */
#define SECONDS	300

static FILE *text;

static bool is_ours(const struct tep_event *event)
{
	return !strncmp(event->name, "resmgr_", 7) ||
	       !strncmp(event->name, "cdevm_", 6) ||
	       !strcmp(event->name, "devres_log");
}

static int print_record(struct tracecmd_input *handle, struct tep_record *record,
			int cpu, void *unused)
{
	struct tep_handle *tep = tracecmd_get_tep(handle);
	struct tep_event *event = tep_find_event_by_record(tep, record);
	const char *comm;
	struct trace_seq seq;
	int pid;
	char *p;

	(void)unused;
	if (record->missed_events)
		fprintf(text, "CPU:%d [LOST EVENTS]\n", cpu);
	if (!event || !is_ours(event))
		return 0;

	trace_seq_init(&seq);
	tep_print_event(tep, &seq, record, "%s", TEP_PRINT_INFO);
	trace_seq_terminate(&seq);
	for (p = seq.buffer; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = '?';
	pid = tep_data_pid(tep, record);
	comm = tep_data_comm_from_pid(tep, pid);
	fprintf(text, "%s-%d [%03d] %llu.%09llu: %s: %s\n", comm ?: "<...>", pid,
		cpu, record->ts / 1000000000ULL, record->ts % 1000000000ULL,
		event->name, seq.buffer);
	trace_seq_destroy(&seq);
	return 0;
}

static int print_file(const char *file)
{
	struct tracecmd_input **handles, *handle;
	int i, n;

	handle = tracecmd_open(file, TRACECMD_FL_LOAD_NO_PLUGINS);
	if (!handle)
		return NOT_OPENED;

	/* The buffer, and those of instances. */
	n = tracecmd_buffer_instances(handle);
	handles = xzalloc((n + 1) * sizeof(*handles));
	handles[0] = handle;
	for (i = 0; i < n; i++) {
		handles[i + 1] = tracecmd_buffer_instance_handle(handle, i);
		if (!handles[i + 1])
			return NOT_READ;
	}
	if (tracecmd_iterate_events_multi(handles, n + 1, print_record, NULL))
		return NOT_READ;
	return OK;
}

void dat_read(struct trace *t, const char *file)
{
	int status;
	pid_t pid;

	text = tmpfile();
	if (!text)
		die("cannot make a temporary file: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("cannot fork: %s", strerror(errno));
	if (!pid) {
		/* What the libraries have to say is for their developers. */
		if (!freopen("/dev/null", "w", stderr))
			_exit(NOT_OPENED);
		tracecmd_set_loglevel(TEP_LOG_NONE);
		alarm(SECONDS);
		status = print_file(file);
		_exit(fflush(text) ? NOT_READ : status);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("cannot wait: %s", strerror(errno));

	if (!WIFEXITED(status) || WEXITSTATUS(status) != OK)
		die("%s: cannot be read as a trace-cmd file; it is damaged or was cut off (see what 'trace-cmd report' says)",
		    file);
	rewind(text);
	if (dat_is(text) || feof(text))
		die("%s: there are no events of resmgr, cdevm or devres_log in it",
		    file);
	text_read(t, text, file);
	fclose(text);
}
#else
void dat_read(struct trace *t, const char *file)
{
	(void)t;
	(void)magic;
	die("%s: this build cannot read trace-cmd files; 'trace-cmd report %s' makes text of them",
	    file, file);
}
#endif
