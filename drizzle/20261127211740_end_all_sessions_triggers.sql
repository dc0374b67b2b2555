-- A session belongs to the epoch in which it was opened, also where a version opens it that does not know of epochs.
CREATE FUNCTION set_session_epoch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.epoch := coalesce((SELECT session_epoch FROM users WHERE id = NEW.user_id), 0);
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER sessions_epoch BEFORE INSERT ON sessions
  FOR EACH ROW EXECUTE FUNCTION set_session_epoch();
--> statement-breakpoint
-- One notification, however many sessions the user has. An account that is disabled by plain SQL ends them too.
CREATE FUNCTION notify_user_sessions_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.sessions_ended_at := clock_timestamp();
  PERFORM pg_notify('session_revoked', 'user:' || NEW.id);
  RETURN NEW;
END
$$;
--> statement-breakpoint
CREATE TRIGGER users_sessions_ended BEFORE UPDATE OF session_epoch, disabled_at ON users
  FOR EACH ROW WHEN (
    NEW.session_epoch <> OLD.session_epoch OR (OLD.disabled_at IS NULL AND NEW.disabled_at IS NOT NULL)
  )
  EXECUTE FUNCTION notify_user_sessions_ended();
