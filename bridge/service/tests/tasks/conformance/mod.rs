//! What every book of tasks promises, wherever it is kept.

pub(crate) mod begin;
pub(crate) mod call;
pub(crate) mod end;
pub(crate) mod keep;

/// All cases as tests of one kind of place.
macro_rules! every_case {
    ($bench:ty) => {
        $crate::conformance::every_case! { $bench: begin
            a_task_that_is_handed_in_twice_is_one_task
            a_hundred_workers_get_fifty_tasks_once_each
            interactive_tasks_go_first_then_older_ones
            a_worker_gets_only_what_it_asked_for
            a_lease_that_ran_out_is_given_to_another_and_the_old_result_refused
            a_worker_that_was_late_keeps_its_task_until_another_has_it
        }
        $crate::conformance::every_case! { $bench: call
            a_call_is_answered_once_and_what_it_may_take_is_set_aside_before
            no_call_takes_more_than_the_limits_of_its_task
            what_was_never_answered_may_be_asked_for_anew
            a_runner_keeps_many_tasks_at_once_and_learns_which_it_has_lost
            leases_that_nobody_could_renew_are_extended_and_the_next_due_time_is_known
        }
        $crate::conformance::every_case! { $bench: end
            a_result_that_is_told_three_times_counts_once
            a_result_for_nobody_is_refused
            a_task_that_was_cancelled_takes_no_result_and_tells_nobody
            a_failure_that_may_pass_is_tried_again_until_no_attempt_is_left
            what_was_given_back_untouched_costs_no_attempt
            what_was_given_back_is_not_the_workers_any_more
            a_full_queue_refuses_and_says_when_to_try_again
            a_deadline_that_passes_ends_a_task_and_somebody_is_told
            a_clock_an_hour_ahead_or_behind_loses_and_doubles_nothing
        }
        $crate::conformance::every_case! { $bench: keep
            events_are_kept_once_and_only_of_the_current_attempt
            an_answer_is_spoken_once_and_one_that_was_cut_off_is_text
            an_answer_waits_while_it_is_held_and_expires
            what_a_later_helix_wrote_ends_in_words_and_holds_nobody_up
            what_nobody_can_read_ends_at_its_deadline_and_holds_no_other_up
            what_ended_long_ago_is_forgotten_once_somebody_was_told
            everything_is_there_after_a_restart
        }
    };
    ($bench:ty: $part:ident $($case:ident)*) => {
        $(#[tokio::test]
        async fn $case() {
            let bench = <$bench as $crate::bench::Bench>::new(stringify!($case)).await;
            $crate::bench::soon($crate::conformance::$part::$case(&bench)).await;
        })*
    };
}
pub(crate) use every_case;
