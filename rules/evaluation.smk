# One rule for each protocol that reads features, named after the protocol. Depending on `jobs_by`, there are further
# rules of it, whose jobs cover all datasets of a model, or several seeds of an objective.
for evaluation in targets.evaluations(settings):

    rule:
        name:
            evaluation.cut.rule(evaluation.protocol)
        input:
            unpack(per_job(inputs.measured, evaluation.protocol, evaluation.cut)),
        output:
            evaluation.outputs,
        log:
            f"logs/{evaluation.rule}/{evaluation.job}.log",
        benchmark:
            f"results/benchmarks/{evaluation.rule}/{evaluation.job}.tsv"
        wildcard_constraints:
            model=any_of(evaluation.cut.names),
            objective=any_of(evaluation.cut.names),
        group:
            "evaluate"
        conda:
            "../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=growing(1500),
            runtime=30,
        params:
            code=code("evaluate.py", f"protocols.{evaluation.protocol}"),
            protocol=evaluation.protocol,
            models=per_job(params.models, evaluation.cut),
            parameters=per_job(params.of_protocol, evaluation.protocol),
            mode=per_job(params.mode, evaluation.protocol),
            seed=settings.seed,
        script:
            "../scripts/evaluate.py"

    prefer(evaluation.rule, evaluation.protocol)
